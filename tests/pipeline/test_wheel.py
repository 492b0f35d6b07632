"""The built wheel carries all that a pass needs: apart from the source tree, the demo works in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = (
    "otc_pipelines/_data/dbt_project/dbt_project.yml",
    "otc_pipelines/_data/dbt_project/macros/aging.sql",
    "otc_pipelines/_data/expectations/gate.yml",
    "otc_pipelines/_data/workspace.yaml",
    "otc_pipelines/cli/templates/otc.yaml",
    "connectors/crm/salesforce/metadata/package.xml",
    "connectors/kit/templates/",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_models_suites_and_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [n for n in NEEDED if not any(name.startswith(n) for name in names)] == []
    assert not [n for n in names if n.startswith("tests/") or "/target/" in n]


def without_privileges() -> list[str]:
    """What to put before a command so that the mode of files holds for it, also when root runs it."""
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    return [program, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] if program else []


def test_the_demo_works_from_a_wheel_that_nobody_may_write_to(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel)],
        check=True,
        capture_output=True,
    )
    for path in (site, *site.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    where = "import otc_pipelines.transform as t; print(t.project_dir())"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=empty, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip().startswith(str(site)), "the installed models are the ones that are used"
    demo = "import sys; from otc_pipelines.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [*without_privileges(), sys.executable, "-c", demo, "demo", "--customers", "60", "--invoices", "400"],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert "ties" in done.stdout
    assert (empty / "demo" / "data" / "published" / "bi.duckdb").exists()
