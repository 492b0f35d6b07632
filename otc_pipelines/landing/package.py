"""One dlt load package: a chunk extracted and normalised to Parquet under a schema contract, in a folder thrown away.

dlt's own loading is not used: it makes rows, cursor and load record visible at different moments
(``docs/decisions/0003-landing.md``). Belongs here: dlt. Not here: SQL.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TSchemaContractDict

CONTRACT: TSchemaContractDict = {"tables": "evolve", "columns": "evolve", "data_type": "freeze"}


@contextmanager
def packaged(source: str, tables: Mapping[str, Sequence[pa.Table]], work: Path) -> Iterator[dict[str, list[Path]]]:
    """Yield the Parquet files of a package, by table name; the folder is gone afterwards, whatever happened."""
    if not tables:
        yield {}
        return
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{source}-", dir=work))
    try:
        pipeline = dlt.pipeline(
            pipeline_name=f"land_{source}",
            destination=dlt.destinations.duckdb(str(folder / "unused.duckdb")),
            dataset_name=f"land_{source}",
            pipelines_dir=str(folder),
        )
        resources = [dlt.resource(list(parts), name=name) for name, parts in tables.items()]
        pipeline.extract(resources, loader_file_format="parquet", schema_contract=CONTRACT)
        pipeline.normalize()
        files: dict[str, list[Path]] = {}
        for load_id in pipeline.list_normalized_load_packages():
            for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
                name = job.job_file_info.table_name
                if name in tables:
                    files.setdefault(name, []).append(Path(job.file_path))
        yield files
    finally:
        shutil.rmtree(folder, ignore_errors=True)
