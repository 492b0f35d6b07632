"""The documentation says what the code does: commands, keys, links, exit codes, the tour's own outputs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml
from pydantic import BaseModel

from connectors.kit.errors import ConfigError, FatalError, RetriableError
from connectors.registry import channels, connectors
from otc_pipelines.cli import app as cli
from otc_pipelines.cli import errors
from otc_pipelines.settings import Instance, load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEMPLATES = ROOT / "otc_pipelines/cli/templates"
WRITTEN = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "connectors").glob("*/*/README.md")], key=lambda p: p.as_posix()
)
OWN_PLACES = re.compile(r"(?<![\w.])(?:/work|/tmp|/home|/root|/Users)\b|localhost|C:\\")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def commands() -> dict[str, list[str]]:
    """Each command with the long options that are its own."""
    found = {}
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        options = [o for p in command.params for o in p.opts if o.startswith("--")]
        found[name] = sorted(set(options) - {"--config", "--format", "--debug", "--help"})
    return found


def test_every_command_is_in_operate_and_the_contract_is_all_there() -> None:
    listed = set(re.findall(r"^\| `otc ([a-z-]+)", text_of("operate.md"), re.MULTILINE))
    assert listed == set(commands())


@pytest.mark.parametrize(("command", "option"), [(c, o) for c, listed in commands().items() for o in listed])
def test_every_option_is_written_of(command: str, option: str) -> None:
    pages = "".join(p.read_text(encoding="utf-8") for p in WRITTEN)
    assert option in pages, f"otc {command} {option} is in no page"


def test_no_page_names_a_command_that_is_not_there() -> None:
    known = set(commands())
    for page in WRITTEN:
        named = re.findall(r"(?:`|^\$ |^)otc ([a-z][a-z-]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= known, f"{relative(page)} names {set(named) - known}"


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a model as it is written in a file, down to the leaves."""
    for name, info in model.model_fields.items():
        if model is Instance and name == "path":
            continue
        written = prefix + (info.alias or name)
        inner = next((a for a in (info.annotation, *_parts(info.annotation)) if _is_model(a)), None)
        if inner is None:
            yield written
        else:
            mark = ".*." if "dict" in str(info.annotation) else "[]." if "tuple" in str(info.annotation) else "."
            yield from keys(inner, written + mark)


def _parts(annotation: object) -> Iterator[object]:
    for part in getattr(annotation, "__args__", ()):
        yield part
        yield from _parts(part)


def _is_model(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)


def documented(section: str) -> set[str]:
    """Keys in the first column of a page's tables."""
    rows = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row)}


def test_every_key_of_the_configuration_is_described() -> None:
    section = text_of("configure.md").split("## Keys")[1].split("\n## ")[0]
    wanted = set(keys(Instance))
    assert wanted - documented(section) == set()
    groups = {"company", "legal_entities", "bank_accounts", "sources", "targets"}
    assert documented(section) - wanted - groups == set()


@pytest.mark.parametrize("name", sorted(connectors()))
def test_every_setting_of_a_connector_is_described(name: str) -> None:
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", text_of("configure.md"), re.MULTILINE | re.DOTALL)
    assert found, f"docs/configure.md has no section {name}"
    wanted = set(keys(connectors()[name].settings))
    assert documented(found[1]) == wanted


@pytest.mark.parametrize("page", WRITTEN, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", link):
            assert (page.parent / link.partition("#")[0]).exists(), f"{relative(page)} links to {link}"


@pytest.mark.parametrize("page", WRITTEN, ids=relative)
def test_a_page_is_about_the_product_alone(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not OWN_PLACES.search(text), OWN_PLACES.search(text)
    assert not re.search(r"TO" + r"DO|FIX" + r"ME|coming soon|lorem", text)


def test_every_page_can_be_reached_from_the_front_door() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^):#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        waiting += [page.parent / link for link in links if (page.parent / link).is_file()]
    decisions = {p.resolve() for p in (DOCS / "decisions").glob("0*.md")}
    assert {p.resolve() for p in DOCS.glob("*.md")} - seen == set()
    assert decisions - seen == set()


def test_decisions_are_numbered_and_told_alike() -> None:
    numbers = []
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        numbers.append(page.name[:4])
        assert text.startswith(f"# {page.name[:4]}: ")
        for part in ("**Context.**", "**Decision.**", "**Consequence.**"):
            assert part in text, f"{page.name} has no {part}"
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]


def test_the_readme_maps_every_room() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    rooms = {p.split("/")[0] for p in tracked if "/" in p and not p.startswith(".")}
    rooms = rooms or {p.name for p in ROOT.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    rooms |= {
        f"{p.parent.name}/{p.name}"
        for name in ("otc_pipelines", "connectors")
        for p in (ROOT / name).iterdir()
        if (p / "__init__.py").exists()
    }
    missing = {r for r in rooms if not re.search(rf"\b{r.split('/')[-1]}\b", readme)}
    assert not missing


def test_exit_codes_are_those_of_the_contract() -> None:
    section = text_of("operate.md").split("## Exit codes")[1].split("\n## ")[0]
    written = [int(n) for n in re.findall(r"^\| (\d) \|", section, re.MULTILINE)]
    assert written == [errors.DONE, errors.FAILED, errors.WRONG_USE, errors.UNREACHABLE] == [0, 1, 2, 3]
    assert errors.gravest(1, 3, 2, 0) == 2
    assert errors.gravest(0, 1, 3) == 3
    assert errors.gravest(0, 1) == 1
    assert errors.exit_code(ConfigError("x")) == 2
    assert errors.exit_code(RetriableError("x")) == errors.exit_code(FatalError("x")) == 3


@pytest.mark.parametrize(
    "words", [["nonsense"], ["aging"], ["aging", "--as-of", "2026-13-01"], ["aging", "--as-of", "2026-01-31", "--nope"]]
)
def test_wrong_use_is_one_line_and_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(words)
    assert leaving.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "unexpected" not in said.err


# --- the examples


def uncommented(text: str) -> str:
    """The example with everything turned on that stands in it as a comment."""
    lines = []
    for line in text.splitlines():
        opened = re.sub(r"^(\s*)# (?=\s*(?:- |[a-z_]+:|[A-Z0-9]+:))", r"\1", line)
        lines.append(opened.replace("targets: []", "targets:"))
    return "\n".join(lines)


def test_the_written_example_loads(tmp_path: Path) -> None:
    shutil.copy(TEMPLATES / "otc.yaml", tmp_path / "otc.yaml")
    instance = load(tmp_path / "otc.yaml")
    for source in instance.sources:
        instance.settings_of(source)


def test_everything_in_the_example_works_when_it_is_turned_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = uncommented((TEMPLATES / "otc.yaml").read_text(encoding="utf-8"))
    variables = re.findall(r"^([A-Z_]+)=", (TEMPLATES / "env.example").read_text(encoding="utf-8"), re.MULTILINE)
    for name in variables:
        monkeypatch.setenv(name, "sqlite://" if name.endswith("_URL") else "x")
    (tmp_path / "otc.yaml").write_text(example, encoding="utf-8")
    instance = load(tmp_path / "otc.yaml")
    used = set(re.findall(r"\$\{([A-Z_]+)\}", re.sub(r"^#.*", "", example, flags=re.MULTILINE)))
    assert used == set(variables)
    assert {s.connector for s in instance.sources} <= set(connectors())
    for source in instance.sources:
        instance.settings_of(source)
    assert [c.name for c, _ in instance.channels()] == [*channels()]
    assert instance.targets
    assert set(yaml.safe_load(example)) == set(Instance.model_fields) - {"path"}


def test_the_env_example_is_the_one_that_init_writes() -> None:
    assert (ROOT / ".env.example").read_bytes() == (TEMPLATES / "env.example").read_bytes()


@pytest.mark.parametrize("example", sorted((DOCS / "examples").rglob("*.yaml")), ids=relative)
def test_examples_load(example: Path, tmp_path: Path) -> None:
    found = yaml.safe_load(example.read_text(encoding="utf-8"))
    if "company" not in found:
        found = {"company": {"name": "Acme", "base_currency": "USD"}, "sources": [found]}
    (tmp_path / "otc.yaml").write_text(yaml.safe_dump(found), encoding="utf-8")
    instance = load(tmp_path / "otc.yaml")
    for source in instance.sources:
        instance.settings_of(source)


# --- the tour


def steps_of_the_tour() -> list[tuple[str, list[str]]]:
    """(command, the lines that the page shows for it), of the part that needs no vendor."""
    blocks = re.findall(r"```console\n(.*?)```", text_of("tour.md").split("## 7")[0], re.DOTALL)
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


@pytest.mark.slow
def test_the_tour_goes_as_it_is_told(tmp_path: Path) -> None:
    there = tmp_path / "tour"
    shutil.copytree(DOCS / "examples/first_invoice", there)
    environment = {**os.environ, "COLUMNS": "200", "OTC_CONFIG": ""}
    environment.pop("OTC_CONFIG")
    steps = steps_of_the_tour()
    assert len(steps) > 8
    for command, shown in steps:
        words = shlex.split(command)
        if (words[0] == "cp" and "docs/examples" in command) or words[0] == "cd":
            continue
        if words[0] == "cp":
            for name in words[1:-1]:
                shutil.copy(there / name, there / words[-1])
            continue
        assert words[0] == "otc"
        call = [sys.executable, "-c", "from otc_pipelines.cli import main; main()", *words[1:]]
        done = subprocess.run(
            call, cwd=there, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if "--format" in words:
            assert len(shown) == len(done.stdout.splitlines()), f"{command}:\n{done.stdout}"
            for told, real in zip(shown, done.stdout.splitlines(), strict=True):
                pattern = ".*".join(re.escape(part) for part in told.split("…"))
                assert re.fullmatch(pattern, real), f"{command}: the tour says {told!r}, it is {real!r}"
