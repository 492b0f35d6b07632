"""Parquet: typed columns written down as text; a row's line is its number in the file, from 1.

Belongs here: reading in bounded batches. Not here: how a value is written (``kit.text_table``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.erp.files.readers.chunk import ROWS, Chunk, UnreadableFileError
from connectors.kit.contract import FieldType
from connectors.kit.errors import ConfigError
from connectors.kit.text_table import Writing, table_text


def read_parquet(stream: IO[bytes], kinds: Mapping[str, FieldType], writing: Writing) -> Iterator[Chunk]:
    """Read a Parquet file; ``kinds`` says, by the file's own column names, what is money and what is a date."""
    try:
        file = pq.ParquetFile(stream)
    except (pa.ArrowInvalid, OSError):
        raise UnreadableFileError("is not a whole Parquet file") from None
    names = file.schema_arrow.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnreadableFileError(f"has the column {twice[0]!r} twice; name each once")
    line = 1
    try:
        for batch in file.iter_batches(batch_size=ROWS):
            rows = table_text(pa.Table.from_batches([batch]), kinds, writing)
            yield Chunk(rows, pa.array(range(line, line + rows.num_rows), pa.int64()))
            line += rows.num_rows
    except ConfigError as error:
        raise UnreadableFileError(f"cannot be taken: {error}") from None
    except (pa.ArrowInvalid, OSError):
        raise UnreadableFileError(f"is damaged behind row {line - 1}") from None
