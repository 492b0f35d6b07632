"""Running the dbt project in this process, and rendering its aging outside of it.

Belongs here: where the project is, what it is told about the instance, its results as data. Not here: any model.
"""

from otc_pipelines.transform.aging_sql import aging_sql
from otc_pipelines.transform.project import project_dir
from otc_pipelines.transform.references import reference_values
from otc_pipelines.transform.report import STANDING, NodeResult, TransformReport
from otc_pipelines.transform.run import CONFORM, MARTS, TransformError, build, fingerprint, parsed_project
from otc_pipelines.transform.staged import dbt_vars, outbound, staged

__all__ = [
    "CONFORM",
    "MARTS",
    "STANDING",
    "NodeResult",
    "TransformError",
    "TransformReport",
    "aging_sql",
    "build",
    "dbt_vars",
    "fingerprint",
    "outbound",
    "parsed_project",
    "project_dir",
    "reference_values",
    "staged",
]
