"""Source rows -> contract rows: columns mapped, persons pseudonymised, types cast, misfits kept with their reason.

Everything runs on whole Arrow batches in a DuckDB that lives in memory and cannot reach files or network, so mapping
expressions are only ever computations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources import quarantine
from orchestration.sources.casts import identifier, quoted
from orchestration.sources.column_facts import facts_of
from orchestration.sources.config import Feed
from orchestration.sources.contract import ENTITIES, TEXT
from orchestration.sources.deliveries import JSON_COLUMN, ROW, Malformed
from orchestration.sources.errors import ConfigError
from orchestration.sources.expressions import SourcePath, json_structure, nested_names, sandbox, source_paths
from orchestration.sources.pseudonyms import Pseudonymiser
from orchestration.sources.social.language import fill_languages
from orchestration.sources.verdicts import DAY, DELIVERY, FAILED, PLACE, SCRUBBED, reasons_query, verdict_query

#: Where the payload of a rejected row keeps the pseudonyms of the contract's personal columns.
PERSONAL = "_personal"
_MACHINE = re.compile(r"user_?agent|^ua$|ip_?addr|(^|_)ip$|^(visit|remote|client)_?(ip|addr)")
_ROW_FAULTS = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rows in landing shape and what was noticed.

    Attributes
    ----------
    table : pyarrow.Table
        Contract columns, `_delivery`, `_row_number`, `_reason_code`, `_reason`, `_payload`, `_is_whole`.
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
        Zone of the business day, and of wall-clock times if the feed names none.
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
        self.timezone = timezone
        self._now = now
        self._sql = sandbox()
        self._careful_sql: duckdb.DuckDBPyConnection | None = None
        self._is_json = feed.records_are_json
        self._has_paths = self._is_json or feed.format == "parquet"
        self._let: dict[str, set[SourcePath]] = {}
        for name, expression in feed.let.items():
            self._let[name] = self._paths_of(expression)
        self._let_used = self._used_lets()
        paths = {name: self._column_paths(name) for name in feed.columns}
        self._paths = set().union(*paths.values(), self._paths_of(feed.where) if feed.where else set())
        personal = [path for name in self.entity.personal for path in paths.get(name, ())]
        # What only its class may be kept of: agents, and whatever is called an agent or an address of a machine.
        personal += [path for path in self._paths if any(_MACHINE.search(part.casefold()) for part in path)]
        agent = feed.columns.get("user_agent_class")
        if agent is not None and "agent_class(" in (agent.sql or ""):
            personal += paths["user_agent_class"]
        self._guarded = {path[0].casefold() for path in personal} | {name.casefold() for name in feed.pii}
        self._refuse_leaks(paths)

    @property
    def needed(self) -> list[str]:
        """Source columns the mapping asks for."""
        return sorted({path[0] for path in self._paths})

    def map(self, batch: pa.Table) -> Mapped:
        """Map a batch that holds source columns (or JSON records), `_row`, `_delivery` and `_delivery_day`."""
        malformed: list[tuple[int, Malformed]] = []
        if self._is_json:
            batch, malformed = self._parse(batch)
        source, filtered = self._filter(batch)
        mapped = self._map(source)
        for name in self.entity.personal:
            if name in mapped.column_names:
                hashed = self._pseudonymiser.column(mapped[name])
                mapped = mapped.set_column(mapped.column_names.index(name), name, hashed)
        judged = self._judged(mapped)
        if self.entity.name == "social_posts":
            judged = fill_languages(judged)
        is_bad = pc.is_valid(judged["_reason_code"]).combine_chunks()
        payload, is_whole = pa.nulls(judged.num_rows, TEXT), pa.nulls(judged.num_rows, pa.bool_())
        if pc.any(is_bad).as_py():
            kept = self._payloads(source.filter(is_bad), mapped.filter(is_bad))
            payload = pc.replace_with_mask(payload, is_bad, kept["payload"].combine_chunks())
            is_whole = pc.replace_with_mask(is_whole, is_bad, kept["is_whole"].combine_chunks())
        ambiguous = judged.filter(judged["_is_ambiguous"])[DELIVERY].combine_chunks()
        table = judged.drop_columns(["_is_ambiguous"])
        table = table.append_column("_payload", payload).append_column("_is_whole", is_whole)
        if malformed:
            table = pa.concat_tables([table, self.malformed(malformed)], promote_options="permissive")
        return Mapped(table, filtered, ambiguous)

    def _judged(self, mapped: pa.Table) -> pa.Table:
        """The rows cast and judged, in the order they came in: whatever is kept is put beside them."""
        facts = {
            name: facts_of(mapped[name], with_address=(self.entity.name, name) in SCRUBBED)
            for name in mapped.column_names
        }
        query, kept = verdict_query(self.feed, mapped.schema, facts, self._zone, self.timezone, self._now)
        places = pa.array(np.arange(mapped.num_rows))
        cast = self._run(query, mapped=mapped.append_column(PLACE, places))
        if not cast[PLACE].equals(pa.chunked_array([places])):
            cast = cast.sort_by(PLACE)
        columns = {DELIVERY: mapped[DELIVERY], "_row_number": mapped[ROW]}
        for field in self.entity.schema:
            source = mapped if field.name in kept else cast
            is_there = field.name in source.column_names
            columns[field.name] = source[field.name] if is_there else pa.nulls(mapped.num_rows, field.type)
        faults = cast["_fault"].combine_chunks()
        is_bad = pc.is_valid(faults)
        codes = reasons = pa.nulls(mapped.num_rows, TEXT)
        if pc.any(is_bad).as_py():
            said = self._run(reasons_query(), faults=pa.table({"_fault": faults.filter(is_bad)}))
            codes = pc.replace_with_mask(codes, is_bad, said["code"].combine_chunks())
            reasons = pc.replace_with_mask(reasons, is_bad, said["reason"].combine_chunks())
        return pa.table({**columns, "_is_ambiguous": cast["_is_ambiguous"], "_reason_code": codes, "_reason": reasons})

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
                "_payload": self._scrubbed(pa.array(payloads, TEXT))["payload"],
                "_is_whole": pa.repeat(pa.scalar(False), len(rows)),
            }
        )

    def _used_lets(self) -> dict[str, str]:
        """Named expressions that the mapping needs: a feed may take back the column that alone used one."""
        texts = [column.sql for column in self.feed.columns.values() if column.sql is not None]
        used = {path[0] for text in [*texts, self.feed.where] if text for path in self._direct_paths(text)}
        for name, expression in reversed(list(self.feed.let.items())):
            if name in used:
                used |= {path[0] for path in self._direct_paths(expression)}
        return {name: expression for name, expression in self.feed.let.items() if name in used}

    def _direct_paths(self, expression: str) -> set[SourcePath]:
        return source_paths(self._sql, expression, self.feed.where_from)

    def _column_paths(self, name: str) -> set[SourcePath]:
        column = self.feed.columns[name]
        if column.source is not None:
            return {tuple(self._parts(column.source))}
        return self._paths_of(column.sql) if column.sql is not None else set()

    def _paths_of(self, expression: str) -> set[SourcePath]:
        direct = self._direct_paths(expression)
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
            select
                {DELIVERY}, {DAY}, {ROW}, record.*,
                starts_with({JSON_COLUMN}, '{{') and record is not null as _is_record
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
            careful = query.format(f"try({self.feed.where})", self._source(tried=True))
            keep = self._run(careful, self._careful(), source=batch)["keep"]
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise self._misfit("where", error) from error
        return batch.filter(keep), batch.filter(pc.invert(keep))[DELIVERY].combine_chunks()

    def _source(self, tried: bool = False) -> str:
        """The source with the named expressions beside its columns, each computed once."""
        source = "source"
        for name, expression in self._let_used.items():
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
                f"select {DELIVERY}, {DAY}, {ROW}, null::varchar as {FAILED}, {columns} from {self._source()}",
                source=source,
            )
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            for name, expression in expressions.items():
                try:
                    self._run(f"select {expression} from {self._source()} limit 0", source=source)
                except duckdb.Error as first:
                    raise self._misfit(f"columns.{name}", first) from first
            raise self._misfit("columns", error) from error
        except _ROW_FAULTS:
            return self._run(self._careful_query(expressions), self._careful(), source=source)

    def _careful_query(self, expressions: Mapping[str, str]) -> str:
        """The mapping when some row makes an expression fail: that row is marked, the others pass."""
        tried = ", ".join(f"{_tried(expression)} as {identifier(name)}" for name, expression in expressions.items())
        marks = [f"when {identifier(name + '__failed')} then {quoted('let.' + name)}" for name in self._let_used]
        marks += [f"when {identifier(name)} is null then {quoted(name)}" for name in expressions]
        columns = ", ".join(f"{identifier(name)}.v as {identifier(name)}" for name in expressions)
        lets = "".join(f", {identifier(name + '__failed')}" for name in self._let_used)
        return f"""
            select {DELIVERY}, {DAY}, {ROW}, case {" ".join(marks)} end as {FAILED}, {columns}
            from (select {DELIVERY}, {DAY}, {ROW}{lets}, {tried} from {self._source(tried=True)})
        """

    def _misfit(self, place: str, error: Exception) -> ConfigError:
        message = str(error).splitlines()[0]
        return ConfigError(f"{self.feed.where_from}: {place} does not work on {self.feed.name}: {message}; correct it")

    def _payloads(self, rows: pa.Table, mapped: pa.Table) -> pa.Table:
        """Rejected rows as JSON: source columns that are mapped and not personal, and under `_personal` the pseudonyms.

        That is all a row needs to be mapped again, unless something in it is scrubbed. Names are spelt as the mapping
        spells them.
        """
        spelt = {name.casefold(): name for name in self.needed}
        shown = [name for name in rows.column_names if name.casefold() in spelt.keys() - self._guarded]
        packed = [f"{identifier(spelt[name.casefold()])} := source.{identifier(name)}" for name in shown]
        hashed = [name for name in self.entity.personal if name in mapped.column_names]
        if hashed:
            inside = ", ".join(f"{identifier(name)} := hashed.{identifier(name)}" for name in hashed)
            packed.append(f"{PERSONAL} := struct_pack({inside})")
        value = f"to_json(struct_pack({', '.join(packed)}))::varchar" if packed else "'{}'"
        query = f"select {value} as payload from source positional join hashed"
        return self._scrubbed(self._run(query, source=rows, hashed=mapped)["payload"].combine_chunks())

    def _scrubbed(self, texts: pa.Array) -> pa.Table:
        """Texts without addresses of persons, and whether they are what they were before."""
        query = "select scrub_text(payload) as payload, scrub_text(payload) = payload as is_whole from texts"
        return self._run(query, texts=pa.table({"payload": texts}))

    def _careful(self) -> duckdb.DuckDBPyConnection:
        """Where expressions that fail on some row run."""
        if self._careful_sql is None:
            self._careful_sql = sandbox(is_careful=True)
        return self._careful_sql

    def _run(self, query: str, connection: duckdb.DuckDBPyConnection | None = None, **tables: pa.Table) -> pa.Table:
        connection = connection or self._sql
        for name, table in tables.items():
            connection.register(name, table)
        try:
            return connection.execute(query).to_arrow_table()
        finally:
            for name in tables:
                connection.unregister(name)


def landing_schema(entity: str) -> pa.Schema:
    """Shape of landed rows: the contract's columns, then where a row is from and why it is rejected."""
    extra = [(DELIVERY, pa.int32()), ("_row_number", pa.int64())]
    extra += [(name, TEXT) for name in ("_reason_code", "_reason", "_payload")]
    extra += [("_is_whole", pa.bool_())]
    return pa.schema([*ENTITIES[entity].schema, *(pa.field(name, kind) for name, kind in extra)])


def _tried(expression: str) -> str:
    """A value in a struct, and no struct where the expression fails: NULL as a value is no failure."""
    return f"try({{'v': {expression}}})"
