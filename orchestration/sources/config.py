"""`sources.yaml`: which feeds exist and how their columns become contract columns.

Every mistake is reported as `file:line: what is wrong; how to mend it`.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus, unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import relevance

from orchestration.sources.contract import ENTITIES, Entity
from orchestration.sources.errors import ConfigError

HERE = Path(__file__).resolve().parent
DemoWriter = Callable[[str], Path]

_FORMATS = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".xlsx": "excel", ".log": "text",
}  # fmt: skip
_COMPRESSIONS = (".gz", ".zst", ".zip")
#: Protocols of fsspec that lead away from this machine; chains and those that read its disk are not among them.
_PROTOCOLS = (
    "s3", "gs", "gcs", "az", "abfs", "abfss", "sftp", "ftp", "smb", "http", "https", "webdav", "hdfs", "webhdfs",
)  # fmt: skip
_KINDS_NEED = {
    "files": ("path",),
    "rest": ("url", "paginator"),
    "sql": ("url",),
}
_PASSED_ON = (
    "encoding", "delimiter", "quote", "sheet", "member", "skip_lines", "records", "structure", "decimal", "thousands",
    "let", "where", "required", "table", "query", "day_column", "cursor_column",
    "lookback_days", "late_days", "records_shape",
    "carry",
)  # fmt: skip
_CONNECTION_KEYS = (
    "url", "method", "params", "body", "headers", "auth", "paginator", "page_size", "total", "errors", "for_each",
    "cursor",     "rate_limit", "retries", "timeout", "deadline", "storage_options",
)  # fmt: skip


#: Mappings of which a feed may change one entry and keep the others of its preset.
_JOINED = ("columns", "let", "params", "headers")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a contract column comes from: exactly one of the three is set."""

    source: str | None = None
    const: str | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of one source system; `name` is stored as `_source` with every row.

    Attributes
    ----------
    first, last : date or None
        Limits of the days it delivers (`from`, `to` in the file).
    lookback_days : int
        Days before each day asked for that are read again with it: systems that correct their last days.
    late_days : int
        How many days before its delivery a row may have happened, where the entity says so (`has_late_days`).
    connection : mapping
        Address, authentication and request of a `rest` or `sql` feed. Holds secrets, so it is never shown.
    where_from : str
        `file:line` of the feed, for messages.
    """

    name: str
    entity: str
    kind: str
    directory: Path
    where_from: str
    columns: Mapping[str, Column]
    allowed: tuple[Path, ...] = ()
    path: str | None = None
    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    header: tuple[str, ...] = ()
    quote: str = '"'
    sheet: str | None = None
    member: str | None = None
    skip_lines: int = 0
    records: str | None = None
    records_shape: str = "rows"
    carry: tuple[str, ...] = ()
    structure: Mapping[str, Any] = field(default_factory=dict)
    decimal: str = "."
    thousands: str = ""
    nulls: tuple[str, ...] = ()
    timestamp_format: tuple[str, ...] = ()
    date_format: tuple[str, ...] = ()
    timezone: str | None = None
    let: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    pii: tuple[str, ...] = ()
    required: bool = True
    lookback_days: int = 0
    late_days: int = 3
    first: date | None = None
    last: date | None = None
    table: str | None = None
    query: str | None = None
    day_column: str | None = None
    cursor_column: str | None = None
    connection: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_daily(self) -> bool:
        """Whether there is one delivery per day; otherwise the feed is a snapshot that replaces itself."""
        return self.day_column is not None or self.cursor is not None or "{day" in self._request

    @property
    def cursor(self) -> str | None:
        """The contract column whose newest value says where the next delivery goes on."""
        if self.kind == "rest":
            return self.connection.get("cursor", {}).get("column")
        if self.cursor_column is None:
            return None
        return next((name for name, column in self.columns.items() if column.source == self.cursor_column), None)

    @property
    def _request(self) -> str:
        """What the feed asks for: a preset may hold a request that a feed of files never makes."""
        return str(self.path) if self.kind == "files" else json.dumps(dict(self.connection), default=str)

    @property
    def records_are_json(self) -> bool:
        """Whether it delivers JSON records, which have no columns but keys, any of which may be left out."""
        return self.kind == "rest" or self.format in ("json", "jsonl")

    def wanted(self, days: Iterable[date]) -> list[date]:
        """The days to read for the days asked for: those the feed delivers on, and its look-back before them."""
        back = {day - timedelta(days=n) for day in days for n in range(self.lookback_days + 1)}
        return sorted(day for day in back if self.covers(day))

    def masked(self, text: str) -> str:
        """A text, such as another program's error message, without the feed's secrets."""
        return _masked(text, self.secrets)

    def covers(self, day: date) -> bool:
        """Whether the feed delivers on that day."""
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)

    def covered(self, days: Iterable[date]) -> list[date]:
        """Those of the days that the feed delivers on."""
        return [day for day in days if self.covers(day)]

    def windows(self, days: Iterable[date]) -> Sequence[date | None]:
        """What there is to read for the days: those it delivers on, or None for a snapshot."""
        snapshot: Sequence[date | None] = (None,)
        return self.covered(days) if self.is_daily else snapshot


@dataclass(frozen=True, slots=True)
class SourcesConfig:
    """All feeds and the first business day."""

    start: date
    feeds: tuple[Feed, ...]

    def of_entity(self, entity: str) -> tuple[Feed, ...]:
        """Feeds that fill one raw table."""
        return tuple(feed for feed in self.feeds if feed.entity == entity)


def load_config(path: Path, *, demo_writer: DemoWriter | None = None) -> SourcesConfig:
    """Read and check a sources file.

    Parameters
    ----------
    path : Path
        The YAML file. Relative feed paths start at its folder and may not leave it unless `allow` says so.
    demo_writer : callable, optional
        Given a size, writes the demo shop and returns the path of *its* sources file. Needed for `kind: demo`.

    Raises
    ------
    ConfigError
        With file, line and remedy.
    """
    return _Reader(path, demo_writer).read()


class _Reader:
    def __init__(self, path: Path, demo_writer: DemoWriter | None) -> None:
        self.path = path
        self.demo_writer = demo_writer
        self.root: yaml.Node | None = None
        self.secrets: set[str] = set()

    def read(self) -> SourcesConfig:
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read ({error.strerror}); correct the path") from error
        loader = yaml.SafeLoader(text)
        try:
            self.root = loader.get_single_node()
            self._refuse_duplicate_keys(self.root)
            data = loader.construct_document(self.root) if self.root else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{self.path}:{line}: not valid YAML: {error.problem}; correct the line") from error
        finally:
            loader.dispose()
        data = self._plain(data, ())
        self._check_schema(data)
        start = date.fromisoformat(data["start"]) if "start" in data else None
        allowed = tuple((self.path.parent / folder).resolve() for folder in data.get("allow", []))
        feeds: list[Feed] = []
        for name, raw in data["feeds"].items():
            if raw["kind"] == "demo":
                shop = self._demo(name, raw)
                feeds.extend(shop.feeds)
                start = min(start, shop.start) if start else shop.start
            else:
                feeds.append(self._feed(name, raw, allowed))
        if start is None:
            self.fail((), "start is missing; add the first business day, e.g. start: 2025-10-01")
        names = [feed.name for feed in feeds]
        for name in names:
            if names.count(name) > 1:
                self.fail(("feeds",), f"two feeds are named {name}; rename yours, the demo shop brings its own names")
        return SourcesConfig(start, tuple(feeds))

    def fail(self, where: tuple[Any, ...], message: str) -> NoReturn:
        raise ConfigError(f"{self.path}:{self.line(where)}: {_masked(message, self.secrets)}")

    def line(self, where: tuple[Any, ...]) -> int:
        """Line of the deepest part of `where` that is in the file (presets are not)."""
        node = self.root
        line = node.start_mark.line + 1 if node else 1
        for step in where:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line + 1, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line

    def _refuse_duplicate_keys(self, node: yaml.Node | None) -> None:
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ConfigError(f"{self.path}:{line}: {key.value} stands here a second time; remove one of them")
                seen.add(key.value)
                self._refuse_duplicate_keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._refuse_duplicate_keys(value)

    def _plain(self, value: Any, where: tuple[Any, ...]) -> Any:
        """Dates become text again and ${VARIABLES} their values."""
        if isinstance(value, dict):
            return {str(key): self._plain(item, (*where, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item, (*where, index)) for index, item in enumerate(value)]
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, str):

            def variable(match: re.Match[str]) -> str:
                value = os.environ.get(match[1]) or _dlt_secret(match[1])
                if value is None:
                    remedy = "export it before the run, or write it into .dlt/secrets.toml"
                    self.fail(where, f"the environment has no {match[1]}; {remedy}")
                self.secrets.add(value)
                return value

            return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", variable, value)
        return value

    def _check_schema(self, data: Any) -> None:
        if not isinstance(data, dict):
            self.fail((), "the file is empty or not a mapping; it needs start: and feeds:")
        errors = sorted(_validator().iter_errors(data), key=relevance)
        if errors:
            error = errors[-1]
            where, message = _explain(error)
            self.fail(where, message)

    def _demo(self, name: str, raw: Mapping[str, Any]) -> SourcesConfig:
        if self.demo_writer is None:
            self.fail(("feeds", name), "kind: demo cannot be used here; name real sources instead")
        return load_config(self.demo_writer(raw.get("size", "demo")))

    def _feed(self, name: str, raw: Mapping[str, Any], allowed: tuple[Path, ...]) -> Feed:
        where = ("feeds", name)
        merged = self._with_preset(where, raw)
        entity_name = merged.get("entity")
        if entity_name is None:
            self.fail(where, f"feed {name} has no entity; add one of {', '.join(ENTITIES)}")
        entity = ENTITIES[entity_name]
        kind = merged["kind"]
        for key in _KINDS_NEED[kind]:
            if key not in merged:
                self.fail(where, f"feed {name} of kind {kind} has no {key}; add {key}:")
        if kind == "sql" and ("table" in merged) == ("query" in merged):
            self.fail(where, f"feed {name} needs either table or query; give exactly one of them")
        zone = merged.get("timezone")
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                self.fail((*where, "timezone"), f"{zone!r} is no IANA time zone; one is Europe/Berlin")
        limits = {key: date.fromisoformat(merged[key]) if key in merged else None for key in ("from", "to")}
        extra: dict[str, Any] = {}
        for key in _PASSED_ON:
            if key in merged:
                extra[key] = merged[key]
        if kind == "files":
            extra["path"] = self._path(where, merged["path"], allowed)
            extra["format"] = merged.get("format") or self._guess_format(where, merged["path"], merged.get("member"))
            if "delimiter" not in extra and ".tsv" in merged["path"]:
                extra["delimiter"] = "\t"
        feed = Feed(
            name=name, entity=entity_name, kind=kind, directory=self.path.parent.resolve(), allowed=allowed,
            where_from=f"{self.path}:{self.line(where)}", columns=self._columns(where, merged, entity),
            header=tuple(merged.get("header", ())), nulls=tuple(merged.get("nulls", ())),
            pii=tuple(merged.get("pii", ())), timezone=zone,
            timestamp_format=_texts(merged.get("timestamp_format")), date_format=_texts(merged.get("date_format")),
            first=limits["from"], last=limits["to"],
            connection={key: merged[key] for key in _CONNECTION_KEYS if key in merged},
            secrets=frozenset(self.secrets | set(_credentials(merged))), **extra,
        )  # fmt: skip
        if feed.cursor_column or "cursor" in feed.connection:
            self._check_cursor(where, feed, entity)
        if feed.decimal == feed.thousands:
            self.fail(where, f"decimal and thousands are both {feed.decimal!r}; they must differ")
        return feed

    def _check_cursor(self, where: tuple[Any, ...], feed: Feed, entity: Entity) -> None:
        given = feed.cursor_column or feed.connection["cursor"]["column"]
        if feed.cursor is None or feed.cursor not in feed.columns:
            self.fail(where, f"the cursor {given!r} fills no column of {entity.name}, so nobody knows how far it came; "
                             "map it to one, or read by day (day_column:, {day})")  # fmt: skip
        if feed.cursor in entity.personal:
            self.fail(where, f"{feed.cursor} is stored as a pseudonym, which cannot be a cursor; read by day")
        if entity.has_late_days:
            self.fail(where, f"{entity.name} must arrive by day, a cursor has none; use day_column: or {{day}}")
        if feed.day_column or "{day" in feed._request:
            self.fail(where, f"feed {feed.name} is read by day and by cursor; give only one of them")

    def _with_preset(self, where: tuple[Any, ...], raw: Mapping[str, Any]) -> dict[str, Any]:
        if "preset" not in raw:
            return dict(raw)
        known = presets()
        if raw["preset"] not in known:
            self.fail((*where, "preset"), f"no preset {raw['preset']!r}{_nearest(raw['preset'], known)}")
        preset = _preset(raw["preset"])
        if raw.get("entity", preset["entity"]) != preset["entity"]:
            self.fail((*where, "entity"), f"preset {raw['preset']} fills {preset['entity']}, not {raw['entity']}")
        used = {key: value for key, value in preset.items() if key not in raw or key in _JOINED}
        merged = _joined(self._plain(used, where), raw)
        for name in (name for name, expression in merged.get("let", {}).items() if expression is None):
            self.fail(where, f"preset {raw['preset']} needs {name} under let: of this feed; see docs/presets")
        return merged

    def _columns(self, where: tuple[Any, ...], merged: Mapping[str, Any], entity: Entity) -> dict[str, Column]:
        # A feed that already uses the contract's names needs no mapping.
        mapped = merged.get("columns") or {name: name for name in entity.schema.names}
        columns = {}
        for name, given in mapped.items():
            if name not in entity.schema.names:
                hint = _nearest(name, entity.schema.names)
                self.fail((*where, "columns", name), f"{entity.name} has no column {name!r}{hint}")
            if isinstance(given, str):
                columns[name] = Column(source=given)
            elif isinstance(given, dict) and "sql" in given:
                columns[name] = Column(sql=given["sql"])
            elif isinstance(given, dict):
                const = given["const"]
                columns[name] = Column(const=str(const).lower() if isinstance(const, bool) else str(const))
        for name in (*entity.key, *entity.required):
            if name not in columns:
                self.fail((*where, "columns"), f"{entity.name} needs {name}; map it, e.g. {name}: <source column>")
        return columns

    def _path(self, where: tuple[Any, ...], path: str, allowed: tuple[Path, ...]) -> str:
        if re.search(r"\{(?!day(:[^{}]*)?\})", path):
            self.fail((*where, "path"), f"{path!r}: only {{day}} may stand in braces, e.g. {{day:%Y%m%d}}")
        if "://" in path or "::" in path:
            protocol = path.split("://", 1)[0]
            if protocol not in _PROTOCOLS or "::" in path:
                known = ", ".join(_PROTOCOLS)
                self.fail((*where, "path"), f"{protocol}:// cannot be read; a path without ://, or one of {known}")
            return path
        full = (self.path.parent.resolve() / path).resolve()  # links followed, as in what is allowed
        if not any(full.is_relative_to(root) for root in (self.path.parent.resolve(), *allowed)):
            self.fail((*where, "path"), f"{path!r} leaves the folder of this file; name its folder under allow:")
        return str(full)

    def _guess_format(self, where: tuple[Any, ...], path: str, member: str | None) -> str:
        name = member if member and Path(member).suffix else path
        for suffix in _COMPRESSIONS:
            name = name.removesuffix(suffix)
        suffix = Path(name).suffix.lower()
        if suffix not in _FORMATS:
            self.fail((*where, "path"), f"cannot tell the format of {path!r}; add format: csv (or jsonl, parquet, ...)")
        return _FORMATS[suffix]


def _dlt_secret(name: str) -> str | None:
    """A value of dlt's `.dlt/secrets.toml`, in the working folder or the home of the user."""
    import dlt  # takes a second, which only those pay who keep secrets there

    value: Any = dlt.secrets.get(name)
    return None if value is None else str(value)


def _credentials(merged: Mapping[str, Any]) -> Iterator[str]:
    """What a feed signs in with, wherever it was written."""
    auth = merged.get("auth", {})
    yield from (str(auth[key]) for key in ("api_key", "password", "client_secret") if key in auth)
    if auth.get("type") == "bearer" and "token" in auth:
        yield str(auth["token"])
    yield from (str(value) for value in auth.get("body", {}).values())
    password = re.search(r"//[^/:@]*:([^/@]+)@", str(merged.get("url", "")))
    if password:
        yield password[1]


def _masked(text: str, secrets: Iterable[str]) -> str:
    # A value of a few letters, such as a country, is no secret and would be masked out of every word.
    for secret in sorted((secret for secret in secrets if len(secret) > 3), key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), quote_plus(secret), unquote(secret)):
            text = text.replace(form, "***")
    return text


@cache
def presets() -> dict[str, Path]:
    """Shipped mappings by name: the YAML files in the folders of this package."""
    return {path.stem: path for path in sorted(HERE.glob("*/*.yaml"))}


def _preset(name: str) -> dict[str, Any]:
    """A shipped mapping, together with the one it builds on."""
    own = yaml.safe_load(presets()[name].read_text(encoding="utf-8"))
    return _joined(_preset(own.pop("preset")), own) if "preset" in own else own


def _joined(preset: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Own keys override those of a preset; of some keys, only the entries that are given."""
    joined = {key: {**preset.get(key, {}), **own.get(key, {})} for key in _JOINED if key in preset or key in own}
    return {**preset, **own, **joined, "pii": [*preset.get("pii", []), *own.get("pii", [])]}


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads((HERE / "sources.schema.json").read_text(encoding="utf-8")))


def _explain(error: ValidationError) -> tuple[tuple[Any, ...], str]:
    """Where a schema violation is and what to do about it."""
    where = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        unknown = next(iter(key for key in error.instance if key not in known))
        return (*where, unknown), f"unknown key {unknown!r}{_nearest(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return where, f"{missing} is missing; add {missing}:"
    if error.validator == "enum":
        choices = [str(value) for value in error.validator_value]
        return where, f"{error.instance!r} is not possible here{_nearest(str(error.instance), choices)}"
    expected = error.schema.get("description") if isinstance(error.schema, dict) else None
    return where, f"{error.message}; {expected or 'see sources.schema.json for what may stand here'}"


def _nearest(name: str, known: Iterator[str] | Any) -> str:
    choices = list(known)
    close = difflib.get_close_matches(name, choices, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; possible: {', '.join(choices)}"


def _texts(value: str | list[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
