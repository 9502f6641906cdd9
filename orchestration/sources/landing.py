"""Where the rows of one load wait until all of them are there: in memory, and beyond some size in files.

Not a table of DuckDB: writing rows twice, first into a temporary one, cost a third of a load.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

_IN_MEMORY = 64 << 20
#: Rows of a piece that is read at once.
_ROWS = 16_384


class Landing:
    """Rows in landing shape; once `close` is called, a relation of the connection under `name`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Beside whose warehouse the files lie.
    name : str
        Of the relation.
    schema : pyarrow.Schema
        Shape of the rows.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema) -> None:
        self._connection = connection
        self._name = name
        self._schema = schema
        self._tables: list[pa.Table] = [schema.empty_table()]
        self._files: list[Path] = []
        place = "select path from duckdb_databases() where database_name = current_database()"
        self._folder = Path(f"{connection.execute(place).fetchall()[0][0]}.{name}")
        # Of a load that was killed: only one process at a time has the warehouse.
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, table: pa.Table) -> None:
        """Add rows; columns they lack are NULL."""
        columns = [
            table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
            for field in self._schema
        ]
        self._tables.append(pa.table(columns, schema=self._schema))
        if sum(table.nbytes for table in self._tables) > _IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        self._folder.mkdir(exist_ok=True)
        # Many files: a query fetches some of them ahead, of one it would fetch all.
        self._files.append(self._folder / f"{len(self._files)}.arrow")
        with pa.ipc.new_file(str(self._files[-1]), self._schema) as file:
            for table in self._tables:
                file.write_table(table, max_chunksize=_ROWS)
        self._tables = []

    def close(self) -> None:
        """No more rows come; from here on queries can read them."""
        if self._files and self._tables:
            self._spill()
        rows = ds.dataset(self._files, format="ipc") if self._files else pa.concat_tables(self._tables)
        self._connection.register(self._name, rows)

    @contextmanager
    def stream(self) -> Iterator[str]:
        """Name of a relation that gives all rows to one query, for which the pieces are fetched a little ahead."""
        self._connection.register("_stream", _Stream(self._schema, [*self._files, *self._tables]))
        try:
            yield "_stream"
        finally:
            self._connection.unregister("_stream")

    def parts(self) -> Iterator[str]:
        """Name of a relation that holds some of the rows, and after each step the next.

        A query that writes is slower than what feeds it, and all that waits for it is in memory. It is one relation:
        within a transaction DuckDB keeps what it once knew by a name.
        """
        stream = _Stream(self._schema, [])
        self._connection.register("_part", stream)
        try:
            for part in [*self._files, *self._tables]:
                stream.parts = [part]
                yield "_part"
        finally:
            self._connection.unregister("_part")

    def drop(self) -> None:
        """Forget the rows."""
        self._connection.unregister(self._name)
        shutil.rmtree(self._folder, ignore_errors=True)


def _pieces(part: Path | pa.Table) -> Iterator[pa.RecordBatch]:
    if isinstance(part, Path):
        with pa.ipc.open_file(pa.OSFile(str(part))) as file:
            for number in range(file.num_record_batches):
                yield file.get_batch(number)
    else:
        yield from part.to_batches(_ROWS)


class _Stream:
    """Rows of which DuckDB knows only that they come over Arrow's stream interface."""

    def __init__(self, schema: pa.Schema, parts: Sequence[Path | pa.Table]) -> None:
        self._schema = schema
        self.parts = parts

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        pieces = (piece for part in self.parts for piece in _pieces(part))
        return pa.RecordBatchReader.from_batches(self._schema, pieces).__arrow_c_stream__(requested_schema)
