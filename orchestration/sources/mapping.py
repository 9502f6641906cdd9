"""Source rows -> contract rows: columns mapped, persons pseudonymised, types cast, misfits kept with their reason.

Everything runs on whole Arrow batches in a DuckDB that lives in memory and cannot reach files or network, so mapping
expressions are only ever computations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources import quarantine
from orchestration.sources.casts import identifier, quoted
from orchestration.sources.config import Feed
from orchestration.sources.contract import ENTITIES, TEXT
from orchestration.sources.deliveries import JSON_COLUMN, ROW, Malformed
from orchestration.sources.errors import ConfigError
from orchestration.sources.expressions import SourcePath, json_structure, nested_names, sandbox, source_paths
from orchestration.sources.pseudonyms import Pseudonymiser
from orchestration.sources.verdicts import DELIVERY, FAILED, verdict_query

_ROW_FAULTS = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rows in landing shape and what was noticed.

    Attributes
    ----------
    table : pyarrow.Table
        Contract columns, `_delivery`, `_row_number`, `_reason_code`, `_reason`, `_payload`.
    filtered : pyarrow.Array
        `_delivery` of every row that `where` excluded.
    ambiguous : pyarrow.Array
        `_delivery` of every row with a wall-clock time that exists twice; the first was taken.
    """

    table: pa.Table
    filtered: pa.Array
    ambiguous: pa.Array


class Mapper:
    """Maps the rows of one feed.

    Parameters
    ----------
    feed : Feed
        What to map.
    pseudonymiser : Pseudonymiser
        Shared between feeds, so that a person is hashed once.
    timezone : str
        Zone of wall-clock times if the feed names none.
    now : datetime
        The clock.

    Raises
    ------
    ConfigError
        An expression is no computation, or stores what `pii` forbids.
    """

    def __init__(self, feed: Feed, pseudonymiser: Pseudonymiser, timezone: str, now: datetime) -> None:
        self.feed = feed
        self.entity = ENTITIES[feed.entity]
        self._pseudonymiser = pseudonymiser
        self._zone = feed.timezone or timezone
        self._now = now
        self._sql = sandbox()
        self._is_json = feed.kind == "rest" or feed.format in ("jsonl", "json")
        self._has_paths = self._is_json or feed.format == "parquet"
        self._let: dict[str, set[SourcePath]] = {}
        for name, expression in feed.let.items():
            self._let[name] = self._paths_of(expression)
        paths = {name: self._column_paths(name) for name in feed.columns}
        self._paths = set().union(*paths.values(), self._paths_of(feed.where) if feed.where else set())
        personal = [path for name in self.entity.personal for path in paths.get(name, ())]
        self._guarded = {path[0].casefold() for path in personal} | {name.casefold() for name in feed.pii}
        self._refuse_leaks(paths)

    @property
    def needed(self) -> list[str]:
        """Source columns the mapping asks for."""
        return sorted({path[0] for path in self._paths})

    def map(self, batch: pa.Table) -> Mapped:
        """Map a batch that holds source columns (or JSON records), `_row` and `_delivery`."""
        malformed: list[tuple[int, Malformed]] = []
        if self._is_json:
            batch, malformed = self._parse(batch)
        source, filtered = self._filter(batch)
        mapped = self._map(source)
        for name in self.entity.personal:
            if name in mapped.column_names:
                hashed = self._pseudonymiser.column(mapped[name])
                mapped = mapped.set_column(mapped.column_names.index(name), name, hashed)
        judged = self._run(verdict_query(self.feed, mapped.schema, self._zone, self._now), mapped=mapped)
        is_bad = pc.is_valid(judged["_reason_code"])
        payload = pa.nulls(judged.num_rows, TEXT)
        if pc.any(is_bad).as_py():
            payload = pc.replace_with_mask(payload, is_bad.combine_chunks(), self._payloads(source.filter(is_bad)))
        ambiguous = judged.filter(judged["_is_ambiguous"])[DELIVERY].combine_chunks()
        table = judged.drop_columns(["_is_ambiguous"]).append_column("_payload", payload)
        if malformed:
            table = pa.concat_tables([table, self.malformed(malformed)], promote_options="permissive")
        return Mapped(table, filtered, ambiguous)

    def malformed(self, rows: Sequence[tuple[int, Malformed]], header: Sequence[str] | None = None) -> pa.Table:
        """Landing rows of records that could not be split; only the columns that quarantine needs."""
        allowed = self._shown_names()
        payloads = [quarantine.masked_text(row.text, allowed, header, self.feed.delimiter) for _, row in rows]
        return pa.table(
            {
                DELIVERY: pa.array([delivery for delivery, _ in rows], pa.int32()),
                "_row_number": pa.array([row.row for _, row in rows], pa.int64()),
                "_reason_code": pa.array([row.code for _, row in rows], TEXT),
                "_reason": pa.array([row.reason for _, row in rows], TEXT),
                "_payload": self._scrubbed(pa.array(payloads, TEXT)),
            }
        )

    def _column_paths(self, name: str) -> set[SourcePath]:
        column = self.feed.columns[name]
        if column.source is not None:
            return {tuple(self._parts(column.source))}
        return self._paths_of(column.sql) if column.sql is not None else set()

    def _paths_of(self, expression: str) -> set[SourcePath]:
        direct = source_paths(self._sql, expression, self.feed.where_from)
        named = {path for path in direct if path[0] in self._let}
        return (direct - named).union(*(self._let[path[0]] for path in named))

    def _parts(self, source: str) -> list[str]:
        return source.split(".") if self._has_paths else [source]

    def _refuse_leaks(self, paths: Mapping[str, set[SourcePath]]) -> None:
        forbidden = {name.casefold() for name in self.feed.pii}
        for name in paths.keys() - set(self.entity.personal):
            leaked = sorted(path[0] for path in paths[name] if path[0].casefold() in forbidden)
            if leaked:
                raise ConfigError(
                    f"{self.feed.where_from}: {name} is made from {leaked[0]}, which pii: says is never stored; "
                    "take one of them out"
                )

    def _shown_names(self) -> set[str]:
        """Names whose values a malformed record may show: mapped and not personal, with everything nested in them."""
        shown = {part for path in self._paths if path[0].casefold() not in self._guarded for part in path}
        nested = (nested_names(inside) for name, inside in self.feed.structure.items() if name in shown)
        return {name.casefold() for name in shown.union(*nested)}

    def _parse(self, batch: pa.Table) -> tuple[pa.Table, list[tuple[int, Malformed]]]:
        structure = quoted(json_structure(self._paths, self.feed.structure, self.feed.where_from))
        parsed = self._run(
            f"""
            select {DELIVERY}, {ROW}, starts_with({JSON_COLUMN}, '{{') and record is not null as _is_record, record.*
            from (select *, try(from_json({JSON_COLUMN}, {structure})) as record from batch)
            """,
            batch=batch,
        )
        good = parsed["_is_record"]
        malformed = []
        if not pc.all(good).as_py():
            for row in batch.filter(pc.invert(good)).to_pylist():
                reason = f"record {row[ROW]} is not a JSON object"
                malformed.append((row[DELIVERY], Malformed(row[ROW], "malformed_row", reason, row[JSON_COLUMN])))
            parsed = parsed.filter(good)
        return parsed.drop_columns(["_is_record"]), malformed

    def _filter(self, batch: pa.Table) -> tuple[pa.Table, pa.Array]:
        if self.feed.where is None:
            return batch, pa.array([], pa.int32())
        # A row about which the condition cannot tell stays: the checks that follow will say what is wrong with it.
        query = "select ({}) is not false as keep from {}"
        try:
            keep = self._run(query.format(self.feed.where, self._source()), source=batch)["keep"]
        except _ROW_FAULTS:
            keep = self._run(query.format(f"try({self.feed.where})", self._source(tried=True)), source=batch)["keep"]
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise self._misfit("where", error) from error
        return batch.filter(keep), batch.filter(pc.invert(keep))[DELIVERY].combine_chunks()

    def _source(self, tried: bool = False) -> str:
        """The source with the named expressions beside its columns, each computed once."""
        source = "source"
        for name, expression in self.feed.let.items():
            value = _tried(expression) if tried else f"({expression})"
            source = f"(select *, {value} as {identifier(name)} from {source})"
            if tried:
                failed = f"{identifier(name)} is null as {identifier(name + '__failed')}"
                source = f"(select * replace ({identifier(name)}.v as {identifier(name)}), {failed} from {source})"
        return source

    def _expression(self, name: str) -> str:
        column = self.feed.columns[name]
        if column.const is not None:
            expression = quoted(column.const)
        elif column.sql is not None:
            expression = f"({column.sql})"
        else:
            expression = ".".join(map(identifier, self._parts(column.source or "")))
        return f"{expression}::varchar" if name in self.entity.personal else expression

    def _map(self, source: pa.Table) -> pa.Table:
        expressions = {name: self._expression(name) for name in self.feed.columns}
        try:
            columns = ", ".join(f"{expression} as {identifier(name)}" for name, expression in expressions.items())
            return self._run(
                f"select {DELIVERY}, {ROW}, null::varchar as {FAILED}, {columns} from {self._source()}", source=source
            )
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            for name, expression in expressions.items():
                try:
                    self._run(f"select {expression} from {self._source()} limit 0", source=source)
                except duckdb.Error as first:
                    raise self._misfit(f"columns.{name}", first) from first
            raise self._misfit("columns", error) from error
        except _ROW_FAULTS:
            return self._run(self._careful_query(expressions), source=source)

    def _careful_query(self, expressions: Mapping[str, str]) -> str:
        """The mapping when some row makes an expression fail: that row is marked, the others pass."""
        tried = ", ".join(f"{_tried(expression)} as {identifier(name)}" for name, expression in expressions.items())
        marks = [f"when {identifier(name + '__failed')} then {quoted('let.' + name)}" for name in self.feed.let]
        marks += [f"when {identifier(name)} is null then {quoted(name)}" for name in expressions]
        columns = ", ".join(f"{identifier(name)}.v as {identifier(name)}" for name in expressions)
        lets = "".join(f", {identifier(name + '__failed')}" for name in self.feed.let)
        return f"""
            select {DELIVERY}, {ROW}, case {" ".join(marks)} end as {FAILED}, {columns}
            from (select {DELIVERY}, {ROW}{lets}, {tried} from {self._source(tried=True)})
        """

    def _misfit(self, place: str, error: Exception) -> ConfigError:
        message = str(error).splitlines()[0]
        return ConfigError(f"{self.feed.where_from}: {place} does not work on {self.feed.name}: {message}; correct it")

    def _payloads(self, rows: pa.Table) -> pa.Array:
        """Rejected rows as JSON: mapped columns only, personal ones as pseudonyms."""
        wanted, count = {name.casefold() for name in self.needed}, rows.num_rows
        rows = rows.select([name for name in rows.column_names if name.casefold() in wanted])
        for place, name in enumerate(rows.column_names):
            if name.casefold() in self._guarded:
                is_nested = pa.types.is_nested(rows.schema.field(name).type)
                hidden = (
                    pa.array([quarantine.MASK] * count)
                    if is_nested
                    else self._pseudonymiser.column(rows[name].cast(TEXT))
                )
                rows = rows.set_column(place, name, hidden)
        if not rows.num_columns:
            return pa.array(["{}"] * count, TEXT)
        packed = ", ".join(f"{identifier(name)} := {identifier(name)}" for name in rows.column_names)
        texts = self._run(f"select to_json(struct_pack({packed}))::varchar as payload from rows", rows=rows)["payload"]
        return self._scrubbed(texts.combine_chunks())

    def _scrubbed(self, texts: pa.Array) -> pa.Array:
        table = pa.table({"payload": texts})
        return self._run("select scrub_text(payload) as payload from texts", texts=table)["payload"].combine_chunks()

    def _run(self, query: str, **tables: pa.Table) -> pa.Table:
        for name, table in tables.items():
            self._sql.register(name, table)
        try:
            return self._sql.execute(query).to_arrow_table()
        finally:
            for name in tables:
                self._sql.unregister(name)


def landing_schema(entity: str) -> pa.Schema:
    """Shape of landed rows: the contract's columns, then where a row is from and why it is rejected."""
    extra = [(DELIVERY, pa.int32()), ("_row_number", pa.int64())]
    extra += [(name, TEXT) for name in ("_reason_code", "_reason", "_payload")]
    return pa.schema([*ENTITIES[entity].schema, *(pa.field(name, kind) for name, kind in extra)])


def _tried(expression: str) -> str:
    """A value in a struct, and no struct where the expression fails: NULL as a value is no failure."""
    return f"try({{'v': {expression}}})"
