"""One asset per raw table that a feed fills: a partition per business day, any range of days in one run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from orchestration.defs.partitions import DAYS, SETTINGS, SOURCES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse
from orchestration.sources.contract import ENTITIES
from orchestration.sources.deliveries import SNAPSHOT, SNAPSHOT_DATE
from orchestration.sources.errors import DeliveryError
from orchestration.sources.load import BatchReport, load_entity

_DOMAINS = {
    "web": ("web_events", "identity_links"),
    "sales": ("orders", "order_lines", "products", "customers", "stores"),
    "marketing": ("touchpoints", "campaign_spend", "mailings", "experiments"),
    "social": ("social_posts",),
    "weather": ("weather_observations", "weather_forecasts"),
}
_DOMAIN_OF = {entity: domain for domain, entities in _DOMAINS.items() for entity in entities}
#: A feed may be this late before the newest day in it is worth a warning.
_LATE_DAYS = 2


def raw_asset(entity: str) -> dg.AssetsDefinition:
    """Make the asset of one raw table."""
    key = dg.AssetKey(["raw", entity])
    feeds = SOURCES.of_entity(entity)
    checks = [
        dg.AssetCheckSpec(
            "conservation",
            asset=key,
            blocking=True,
            description="Rows read = rows loaded + quarantined + duplicate, per file of this run's days and snapshots, "
            "and as many are really there.",
        )
    ]
    is_daily = any(feed.is_daily for feed in feeds)
    if is_daily:
        text = f"The newest day delivered is at most {_LATE_DAYS} days old, whichever day this run was for."
        checks.append(dg.AssetCheckSpec("newest_day", asset=key, description=text))

    @dg.asset(
        key=key,
        # A feed without days delivers the same whichever day is run: it has no partitions.
        partitions_def=DAYS if is_daily else None,
        backfill_policy=dg.BackfillPolicy.single_run() if is_daily else None,
        group_name=f"raw/{_DOMAIN_OF[entity]}",
        kinds={"duckdb", *("dlt" for feed in feeds if feed.kind in ("rest", "sql"))},
        owners=["team:engineering"],
        description=_describe(entity),
        metadata={"feeds": dg.MetadataValue.json([{"name": feed.name, "kind": feed.kind} for feed in feeds])},
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=49), warn_window=timedelta(hours=30)
        ),
        check_specs=checks,
        pool="warehouse",
        code_version="2",
    )
    def load(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        days = _days(context) if is_daily else [SETTINGS.yesterday()]
        try:
            reports = load_entity(
                SOURCES,
                entity,
                days,
                warehouse=Path(warehouse.path),
                key=SETTINGS.pseudonym_key(),
                timezone=SETTINGS.timezone,
                now=datetime.now(UTC),
            )
        except DeliveryError as error:
            raise dg.Failure(str(error), metadata=_problems(error.reports)) from error
        whole = {**_counts(reports), **_content(warehouse, entity, reports)}
        if is_daily:
            _describe_days(context, days, reports, whole)
        else:
            context.add_asset_metadata(whole)
        return dg.MaterializeResult(check_results=_check(warehouse, entity, reports, is_daily))

    return load


def _describe(entity: str) -> str:
    contract = ENTITIES[entity]
    names = ", ".join(feed.name for feed in SOURCES.of_entity(entity)) or "no feed"
    key = " + ".join(contract.key)
    return f"One row per {key} and delivery, as delivered by: {names}. Personal columns hold pseudonyms."


def _days(context: dg.AssetExecutionContext) -> Sequence[date]:
    span = context.partition_key_range
    first, last = date.fromisoformat(span.start), date.fromisoformat(span.end)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _describe_days(
    context: dg.AssetExecutionContext,
    days: Sequence[date],
    reports: Sequence[BatchReport],
    whole: Mapping[str, dg.MetadataValue | int],
) -> None:
    """Give every day its own counts, and the last one what is known of the table."""
    by_day: dict[str, list[BatchReport]] = {}
    for report in reports:
        by_day.setdefault(report.window, []).append(report)
    for day in days:
        counts = _counts(by_day.get(day.isoformat(), []))
        context.add_asset_metadata(counts, partition_key=day.isoformat())
    extra = {name: value for name, value in whole.items() if name not in _counts([])}
    context.add_asset_metadata(extra, partition_key=days[-1].isoformat())


def _counts(reports: Sequence[BatchReport]) -> dict[str, int]:
    return {
        "dagster/partition_row_count": sum(report.rows_loaded for report in reports),
        "rows_in": sum(report.rows_in for report in reports),
        "quarantined": sum(report.rows_quarantined for report in reports),
        "duplicates": sum(report.rows_duplicate for report in reports),
        "filtered": sum(report.rows_filtered for report in reports),
        "ambiguous_times": sum(report.rows_ambiguous for report in reports),
        "deliveries_unchanged": sum(report.is_unchanged for report in reports),
    }


def _problems(reports: Sequence[BatchReport]) -> dict[str, dg.MetadataValue]:
    """What could not be used, why, and what to do: the engineer need not search the log."""
    rows = [
        {"feed": report.source, "day": report.window, "state": report.state, "problem": report.problem}
        for report in reports
        if report.problem
    ]
    return {"problems": preview(pa.Table.from_pylist(rows))}


def _content(warehouse: Warehouse, entity: str, reports: Sequence[BatchReport]) -> dict[str, Any]:
    columns = ", ".join(f'"{name}"' for name in ENTITIES[entity].schema.names)
    last = (reports[-1].source, _day(reports[-1])) if reports else ("", SNAPSHOT_DATE)
    with warehouse.connect() as connection:
        total = connection.execute(f'select count(*) from raw."{entity}"').fetchall()[0][0]
        rows = connection.execute(
            f'select {columns} from raw."{entity}" where _source = ? and _delivery_date = ? limit 5', last
        ).to_arrow_table()
    return {
        "dagster/row_count": total,
        "deliveries": dg.MetadataValue.json(
            dict(Counter("unchanged" if report.is_unchanged else report.state for report in reports))
        ),
        **_notes(reports),
        "preview": preview(rows),
    }


def _notes(reports: Sequence[BatchReport]) -> dict[str, dg.MetadataValue]:
    """What changed in the sources and does no harm, once per feed and change."""
    told = dict.fromkeys(f"- {report.source}: {report.notes}" for report in reports if report.notes)
    return {"source_changes": dg.MetadataValue.md("\n".join(told))} if told else {}


def _check(
    warehouse: Warehouse, entity: str, reports: Sequence[BatchReport], is_daily: bool
) -> list[dg.AssetCheckResult]:
    days = [_day(report) for report in reports if report.window != SNAPSHOT] or [SNAPSHOT_DATE]
    wrong = warehouse.read_query("raw/check_conservation.sql", entity=entity, first=min(days), last=max(days))
    results = [check("conservation", wrong)]
    if is_daily:
        newest = warehouse.last_delivery(entity)
        due = SETTINGS.yesterday() - timedelta(days=_LATE_DAYS)
        results.append(
            dg.AssetCheckResult(
                check_name="newest_day",
                passed=newest is not None and newest >= due,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"newest_day": str(newest), "due": str(due)},
            )
        )
    return results


def _day(report: BatchReport) -> date:
    return SNAPSHOT_DATE if report.window == SNAPSHOT else date.fromisoformat(report.window)


RAW_ASSETS = [raw_asset(entity) for entity in ENTITIES if SOURCES.of_entity(entity)]


@dg.definitions
def defs() -> dg.Definitions:
    unfilled = [
        dg.AssetSpec(
            ["raw", entity],
            group_name=f"raw/{_DOMAIN_OF[entity]}",
            description=f"Empty: no feed of the sources file has entity: {entity}.",
        )
        for entity in ENTITIES
        if not SOURCES.of_entity(entity)
    ]
    return dg.Definitions(assets=[*RAW_ASSETS, *unfilled])
