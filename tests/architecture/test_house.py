"""House rules that a linter does not know: sizes, packages, names, what may be said where."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("connectors", "otc_pipelines")
PYTHON = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
SQL = sorted((ROOT / "dbt_project").rglob("*.sql"))
LOCKS = [ROOT / "requirements.lock", *sorted(ROOT.glob("deploy/*.lock")), *sorted(ROOT.glob("tests/live/*.lock"))]
LONGEST = 450
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base"}
# A bank's code may end in three X: only a comment that begins so leaves something for later.
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "# ?XX" + "X", "HA" + "CK", "NotImplemented" + "Error")))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*PYTHON, *SQL], ids=relative)
def test_a_file_has_one_purpose_and_a_size_to_match(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST, f"{relative(path)} has {len(lines)} lines; split it by purpose"
    assert path.stem not in DRAWERS, f"{relative(path)} is a junk drawer by its name"
    assert not UNFINISHED.search("\n".join(lines)), f"{relative(path)} leaves something for later"


@pytest.mark.parametrize("path", [p for p in PYTHON if p.read_text(encoding="utf-8").strip()], ids=relative)
def test_a_module_says_what_belongs_in_it(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{relative(path)} has no docstring"


def test_every_package_folder_can_be_seen_by_the_import_linter() -> None:
    folders = {p.parent for p in PYTHON}
    missing = [relative(f) for f in sorted(folders) if not (f / "__init__.py").exists()]
    assert not missing


def test_no_model_after_staging_names_a_vendor() -> None:
    vendors = {p.name for p in (ROOT / "dbt_project/models/staging").iterdir() if p.is_dir()} - {"sql", "files"}
    layers = [ROOT / "dbt_project/models/conformed", ROOT / "dbt_project/models/marts"]
    named = [
        f"{relative(p)}: {vendor}"
        for layer in layers
        for p in layer.rglob("*")
        if p.suffix in (".sql", ".yml")
        for vendor in vendors
        if vendor in p.read_text(encoding="utf-8")
    ]
    assert not named


def test_every_connector_has_its_staging_twin_and_its_readme() -> None:
    for declaration in (ROOT / "connectors").glob("*/*/connector.py"):
        vendor = declaration.parent.name
        assert (ROOT / "dbt_project/models/staging" / vendor).is_dir(), f"{vendor} has no staging models"
        assert (declaration.parent / "README.md").is_file(), f"{vendor} has no README"


def test_nothing_calls_home() -> None:
    from otc_pipelines.telemetry import SWITCHES

    profile = (ROOT / "dbt_project/dbt_project.yml").read_text(encoding="utf-8")
    assert "send_anonymous_usage_stats: false" in profile
    assert {"DAGSTER_DISABLE_TELEMETRY", "RUNTIME__DLTHUB_TELEMETRY", "GX_ANALYTICS_ENABLED"} <= set(SWITCHES)


@pytest.mark.parametrize("lock", LOCKS, ids=relative)
def test_what_is_pinned_with_an_extra_is_pinned_by_its_plain_name_too(lock: Path) -> None:
    """Else pip 23 refuses the lock once a newer release appears of a package that is asked for in both ways."""
    pins = dict(re.findall(r"^([^ #\n]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name: pins.get(name.partition("[")[0]) for name in pins if "[" in name} == {
        name: version for name, version in pins.items() if "[" in name
    }


def test_the_lock_names_no_index_host_and_hashes_everything() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9][^ ]*==", text, re.MULTILINE)
    assert len(pins) > 100
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text)[1:])


def test_the_map_in_the_readme_matches_the_tree() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for room in ("connectors/", "otc_pipelines/", "dbt_project/", "expectations/", "deploy/", "tests/", "docs/"):
        assert room in readme
    for linked in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / linked).exists(), f"README links to {linked}, which is not there"
