"""Where the dbt project is: inside the installed package, or beside it in a source tree."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from connectors.kit.errors import FatalError

_IN_TREE = Path(__file__).resolve().parents[2] / "dbt_project"


def project_dir() -> Path:
    """Return the folder of the dbt project. FatalError when the installation carries none."""
    packaged = files("otc_pipelines") / "_data" / "dbt_project"
    if packaged.joinpath("dbt_project.yml").is_file():
        with as_file(packaged) as folder:
            return Path(folder)
    if (_IN_TREE / "dbt_project.yml").is_file():
        return _IN_TREE
    raise FatalError("the dbt project is not in this installation; install otc-pipelines again")
