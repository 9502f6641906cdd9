"""Source rows -> contract rows: columns mapped, persons pseudonymised, types cast, misfits kept with their reason.

Everything runs on whole Arrow batches in a DuckDB that lives in memory and cannot reach files or network, so mapping
expressions are only ever computations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources import casts, quarantine
from orchestration.sources.casts import identifier, quoted
from orchestration.sources.config import Feed
from orchestration.sources.contract import ENTITIES, INSTANT, TEXT
from orchestration.sources.deliveries import JSON_COLUMN, ROW, Malformed
from orchestration.sources.errors import ConfigError
from orchestration.sources.pseudonyms import Pseudonymiser

DELIVERY = "_delivery"
_MACROS = (Path(__file__).parent / "mapping_macros.sql").read_text(encoding="utf-8")
_CLOCK_TOLERANCE = timedelta(minutes=10)

#: Free text in which people leave addresses; page addresses have digits that only look like telephone numbers.
_SCRUBBED = {
    ("web_events", "page_url"): "scrub_email", ("web_events", "referrer_url"): "scrub_email",
    ("web_events", "properties"): "scrub_email", ("web_events", "search_term"): "scrub_text",
    ("social_posts", "text"): "scrub_text",
}  # fmt: skip


def sandbox() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory without files and network, in UTC, with the mapping functions."""
    connection = duckdb.connect(config={"enable_external_access": "false", "autoinstall_known_extensions": "false"})
    connection.execute("set timezone = 'UTC'")
    connection.execute(_MACROS)
    connection.execute("set lock_configuration = true")
    return connection


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
        Zone of the business day, used where the feed names none.
    now : datetime
        Rows more than ten minutes later are not believed.
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
        self._let: dict[str, set[tuple[str, ...]]] = {}
        for name, expression in feed.let.items():
            self._let[name] = self._references(None, expression)
        self._refs = {name: self._references(column.source, column.sql) for name, column in feed.columns.items()}
        where = self._references(None, feed.where)
        personal = [ref for name in self.entity.personal for ref in self._refs.get(name, ())]
        self._guarded = {ref[0].casefold() for ref in personal} | {name.casefold() for name in feed.pii}
        for name, refs in self._refs.items():
            leaked = [ref[0] for ref in refs if ref[0].casefold() in {pii.casefold() for pii in feed.pii}]
            if leaked and name not in self.entity.personal:
                raise ConfigError(
                    f"{feed.where_from}: {name} is made from {leaked[0]}, which pii: forbids to store; remove one of them"
                )
        self._paths = {ref for refs in (*self._refs.values(), where) for ref in refs}

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
                place = mapped.column_names.index(name)
                mapped = mapped.set_column(place, name, self._pseudonymiser.column(mapped[name]))
        result = self._cast(mapped)
        is_bad = pc.is_valid(result["_reason_code"])
        payload = pa.nulls(result.num_rows, TEXT)
        if pc.any(is_bad).as_py():
            payload = pc.replace_with_mask(payload, is_bad.combine_chunks(), self._payloads(source.filter(is_bad)))
        ambiguous = result.filter(result["_ambiguous"])[DELIVERY].combine_chunks()
        table = result.drop_columns(["_ambiguous"]).append_column("_payload", payload)
        if malformed:
            table = pa.concat_tables([table, self.malformed(malformed)], promote_options="permissive")
        return Mapped(table, filtered, ambiguous)

    def malformed(self, rows: Sequence[tuple[int, Malformed]], header: Sequence[str] | None = None) -> pa.Table:
        """Landing rows of records that could not be split; only the columns that quarantine needs."""
        payloads = [
            quarantine.masked_text(row.text, self._allowed_names(), header, self.feed.delimiter) for _, row in rows
        ]
        return pa.table(
            {
                DELIVERY: pa.array([delivery for delivery, _ in rows], pa.int32()),
                "_row_number": pa.array([row.row for _, row in rows], pa.int64()),
                "_reason_code": pa.array([row.code for _, row in rows], TEXT),
                "_reason": pa.array([row.reason for _, row in rows], TEXT),
                "_payload": self._scrubbed(pa.array(payloads, TEXT)),
            }
        )

    def landing_schema(self) -> pa.Schema:
        """Shape of the rows that `map` returns."""
        return landing_schema(self.feed.entity)

    def _allowed_names(self) -> set[str]:
        """Names whose values may be shown: mapped and not personal, with everything nested in them."""
        allowed = {part for path in self._paths if path[0].casefold() not in self._guarded for part in path}
        for name, structure in self.feed.structure.items():
            if name in allowed:
                allowed.update(_keys(structure))
        return {name.casefold() for name in allowed}

    def _references(self, source: str | None, sql: str | None) -> set[tuple[str, ...]]:
        """Source columns behind a mapping, found with DuckDB's own parser."""
        if source is not None:
            return {tuple(source.split(".")) if self._has_paths else (source,)}
        if sql is None:
            return set()
        tree = self._sql.execute("select json_serialize_sql(?)", [f"select ({sql})"]).fetchone()[0]  # type: ignore[index]
        parsed = json.loads(tree)
        if parsed.get("error"):
            raise ConfigError(f"{self.feed.where_from}: {sql!r} is not a SQL expression: {parsed['error_message']}")
        if len(parsed["statements"]) != 1 or not _is_plain_select(parsed["statements"][0]["node"]):
            raise ConfigError(f"{self.feed.where_from}: {sql!r} is more than one expression; give only a computation")
        direct = {path for path in _column_references(parsed) if path != (ROW,)}
        named = [path for path in direct if path[0] in self._let]
        return direct.difference(named).union(*(self._let[path[0]] for path in named))

    def _structure(self) -> str:
        """What to take out of a JSON record, as DuckDB's from_json wants it."""
        tree: dict[str, Any] = {}
        for path in sorted(self._paths):
            node = tree
            if path[0] in self.feed.structure:
                tree[path[0]] = self.feed.structure[path[0]]
                continue
            for part in path[:-1]:
                node = node.setdefault(part, {})
                if not isinstance(node, dict):
                    raise ConfigError(
                        f"{self.feed.where_from}: {path[0]} is used whole and in parts; write {path[0]}->>'$.part'"
                    )
            node.setdefault(path[-1], "VARCHAR")
        return json.dumps(tree)

    def _parse(self, batch: pa.Table) -> tuple[pa.Table, list[tuple[int, Malformed]]]:
        structure = quoted(self._structure())
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
        keep = self._run(f"select ({self.feed.where}) is not false as keep from {self._with_let()}", source=batch)["keep"]
        return batch.filter(keep), batch.filter(pc.invert(keep))[DELIVERY].combine_chunks()

    def _expression(self, name: str) -> str:
        column = self.feed.columns[name]
        if column.const is not None:
            expression = quoted(column.const)
        elif column.sql is not None:
            expression = f"({column.sql})"
        else:
            parts = (column.source or "").split(".") if self._has_paths else [column.source or ""]
            expression = ".".join(identifier(part) for part in parts)
        return f"{expression}::varchar" if name in self.entity.personal else expression

    def _with_let(self) -> str:
        """The source with the named expressions beside its columns, each level computed once."""
        source = "source"
        for name, expression in self.feed.let.items():
            source = f"(select *, ({expression}) as {identifier(name)} from {source})"
        return source

    def _map(self, source: pa.Table) -> pa.Table:
        expressions = {name: self._expression(name) for name in self.feed.columns}
        selected = ", ".join(f"{expression} as {identifier(name)}" for name, expression in expressions.items())
        try:
            return self._run(f"select {DELIVERY}, {ROW}, null::varchar as _failed, {selected} from {self._with_let()}", source=source)
        except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
            self._blame(expressions, source)
            raise
        except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
            # An expression chokes on some row: find the rows, keep the others.
            tried = ", ".join(f"try({expression}) as {identifier(name)}" for name, expression in expressions.items())
            failed = " ".join(
                f"when try(case when {expression} is null then 0 else 1 end) is null then {quoted(name)}"
                for name, expression in expressions.items()
                if self.feed.columns[name].sql is not None
            )
            return self._run(
                f"select {DELIVERY}, {ROW}, case {failed} end as _failed, {tried} from {self._with_let()}", source=source
            )

    def _blame(self, expressions: Mapping[str, str], source: pa.Table) -> None:
        """Say which expression DuckDB does not understand."""
        for name, expression in expressions.items():
            try:
                self._run(f"select {expression} from {self._with_let()} limit 0", source=source)
            except duckdb.Error as error:
                message = str(error).splitlines()[0]
                raise ConfigError(
                    f"{self.feed.where_from}: columns.{name} does not work on {self.feed.name}: {message}; correct it"
                ) from error

    def _cast(self, mapped: pa.Table) -> pa.Table:
        clean, parsed, values, checks = [], [], [], []
        gaps, doubles = [], ["false"]
        schema = self.entity.schema
        for field in schema:
            name, column = field.name, identifier(field.name)
            if name not in mapped.column_names:
                values.append(f"null::{_SQL_TYPES.get(field.type, 'varchar')} as {column}")
                continue
            arrow = mapped.schema.field(name).type
            clean.append(f"{casts.cleaned(name, arrow, field.type, self.feed)} as {column}")
            raw = identifier(name + "__raw")
            parsed.append(f"{column} as {raw}")
            code, wording = casts.FAULTS.get(field.type, ("", ""))
            if field.type == INSTANT:
                zoned, local = casts.zoned_and_local(name, arrow, self.feed)
                parsed += [f"{zoned} as {identifier(name + '__zoned')}", f"{local} as {identifier(name + '__local')}"]
                value, is_gap, is_double = casts.instant(
                    identifier(name + "__zoned"), identifier(name + "__local"), self._zone
                )
                values.append(f"{value} as {column}")
                gaps.append(_fault("nonexistent_local_time", name, raw, f"does not exist in {self._zone}", is_gap))
                doubles.append(f"coalesce({is_double}, false)")
            else:
                scrub = _SCRUBBED.get((self.entity.name, name))
                value = casts.typed(name, arrow, field.type, self.feed)
                values.append(f"{scrub}({value}) as {column}" if scrub else f"{value} as {column}")
            if field.type != TEXT:
                checks.append(_fault(code, name, raw, wording, f"{raw} is not null and {column} is null"))
        failed = "when _failed is not null then 'bad_mapping' || chr(31) || _failed || ': the expression fails on this row'"
        rules = " ".join([failed, *checks, *self._completeness(), *self._time_rules()])
        gap_rules = " ".join(gaps)
        return self._run(
            f"""
            with clean as (select {DELIVERY}, {ROW}, _failed, {", ".join(clean)} from mapped),
            parsed as (select *, {", ".join(parsed)} from clean),
            valued as (
                select
                    {DELIVERY}, {ROW}, _failed, {", ".join(values)},
                    {", ".join(identifier(name + "__raw") for name in schema.names if name in mapped.column_names)},
                    {f"case {gap_rules} end" if gaps else "null::varchar"} as _gap,
                    {" or ".join(doubles)} as _ambiguous
                from parsed
            ),
            judged as (
                select *, coalesce(case when _failed is null then _gap end, case {rules} end) as _fault from valued
            )
            select
                {DELIVERY}, {ROW} as _row_number, {", ".join(map(identifier, schema.names))}, _ambiguous,
                split_part(_fault, chr(31), 1) as _reason_code,
                scrub_text(split_part(_fault, chr(31), 2)) as _reason
            from judged
            """,
            mapped=mapped,
        )

    def _completeness(self) -> Iterator[str]:
        for names, code in ((self.entity.key, "missing_key"), (self.entity.required, "missing_required")):
            for name in names:
                yield f"when {identifier(name)} is null then {quoted(f'{code}{chr(31)}{name} is empty')}"

    def _time_rules(self) -> Iterator[str]:
        if self.entity.time is not None:
            time = identifier(self.entity.time)
            latest = quoted((self._now + _CLOCK_TOLERANCE).isoformat())
            shown = f"{time}::varchar"
            yield _fault("in_future", self.entity.time, shown, "lies in the future", f"{time} > {latest}::timestamptz")
            yield _fault("epoch_zero", self.entity.time, shown, "is a clock's zero", f"abs(epoch({time})) < 86400")

    def _payloads(self, rows: pa.Table) -> pa.Array:
        """Rejected rows as JSON: mapped columns only, personal ones as pseudonyms."""
        wanted = {name.casefold() for name in self.needed}
        kept = [name for name in rows.column_names if name.casefold() in wanted]
        rows = rows.select(kept)
        for place, name in enumerate(kept):
            if name.casefold() in self._guarded:
                nested = pa.types.is_nested(rows.schema.field(name).type)
                hidden = (
                    pa.array(["***"] * rows.num_rows) if nested else self._pseudonymiser.column(rows[name].cast(TEXT))
                )  # fmt: skip
                rows = rows.set_column(place, name, hidden)
        packed = ", ".join(f"{identifier(name)} := {identifier(name)}" for name in kept)
        if not kept:
            return pa.array(["{}"] * rows.num_rows, TEXT)
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
    """Shape of landed rows: the contract's columns, then what says where a row is from and why it is rejected."""
    contract_fields = list(ENTITIES[entity].schema)
    extra = [(DELIVERY, pa.int32()), ("_row_number", pa.int64()), ("_reason_code", TEXT), ("_reason", TEXT)]
    return pa.schema([*contract_fields, *(pa.field(name, kind) for name, kind in (*extra, ("_payload", TEXT)))])


_SQL_TYPES = {
    pa.bool_(): "boolean", pa.int64(): "bigint", pa.float64(): "double", pa.decimal128(18, 2): "decimal(18, 2)",
    pa.date32(): "date", INSTANT: "timestamptz",
}  # fmt: skip


def _fault(code: str, name: str, raw: str, wording: str, condition: str) -> str:
    shown = f"left({raw}::varchar, 80)"
    return (
        f"when {condition} then {quoted(code)} || chr(31) || {quoted(name + ': ')} || {shown} || {quoted(' ' + wording)}"
    )


def _keys(structure: Any) -> set[str]:
    if isinstance(structure, dict):
        return set(structure) | {key for value in structure.values() for key in _keys(value)}
    if isinstance(structure, list):
        return {key for value in structure for key in _keys(value)}
    return set()


def _is_plain_select(node: Mapping[str, Any]) -> bool:
    return node.get("from_table", {}).get("type") == "EMPTY" and not re.search(
        r'"class": ?"SUBQUERY"', json.dumps(node)
    )


def _column_references(node: Any, bound: frozenset[str] = frozenset()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, list):
        for item in node:
            yield from _column_references(item, bound)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            if node["column_names"][0] not in bound:
                yield tuple(node["column_names"])
        elif node.get("class") == "LAMBDA":
            parameters = {path[0] for path in _column_references(node["lhs"])}
            yield from _column_references(node["expr"], bound | parameters)
        else:
            for value in node.values():
                yield from _column_references(value, bound)
