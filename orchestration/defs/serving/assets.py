"""The last step of a run: what passed its checks becomes what the dashboards read."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from orchestration.defs.ml.attribution import channel_credits
from orchestration.defs.ml.budget import response_models
from orchestration.defs.ml.catalog import catalog_effects
from orchestration.defs.ml.cji_directions import cji_directions
from orchestration.defs.ml.cji_incidents import cji_incidents
from orchestration.defs.ml.cji_predictions import cji_predictions
from orchestration.defs.ml.customers import customer_models
from orchestration.defs.ml.journey_map import journey_map
from orchestration.defs.ml.model_runs import model_runs
from orchestration.defs.ml.series import series_effects
from orchestration.defs.ml.social import post_sentiments
from orchestration.defs.ml.weather import weather_effects
from orchestration.defs.raw.assets import RAW_ASSETS
from orchestration.defs.resources import Warehouse
from orchestration.defs.serving.publication import CheckResult, Version, publish
from orchestration.defs.warehouse.assets import warehouse_models
from orchestration.defs.warehouse.cji_checks import cji_checks
from orchestration.settings import Settings

_MODELS = [
    channel_credits,
    catalog_effects,
    cji_directions,
    cji_incidents,
    cji_predictions,
    journey_map,
    weather_effects,
    series_effects,
    response_models,
    post_sentiments,
    customer_models,
    model_runs,
]
_PUBLISHED = [key for key in warehouse_models.keys if key.path[0] == "marts"]
_PUBLISHED += [key for model in _MODELS for key in model.keys]
_CHECKS: Mapping[dg.AssetCheckKey, dg.AssetCheckSpec] = {
    spec.key: spec
    for definition in (*RAW_ASSETS, warehouse_models, cji_checks, *_MODELS)
    for spec in definition.check_specs
}


@dg.asset(
    key=["serving", "publish"],
    group_name="serving",
    kinds={"duckdb"},
    owners=["team:engineering"],
    deps=sorted(_PUBLISHED),
    pool="warehouse",
    code_version="1",
)
def publish_version(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """One file per version with all marts and estimates, and the pointer that dashboards follow.

    Refuses while any check of severity error stands as failed, also when it is started by hand: the version
    published before goes on serving.
    """
    settings = Settings.from_environment()
    results = list(
        check_results(context.instance.event_log_storage.get_latest_asset_check_execution_by_key(list(_CHECKS)))
    )
    if failed := [result for result in results if result.status == "failed" and result.severity == "error"]:
        names = "\n".join(f"- {result.asset}: {result.check_name}" for result in failed)
        raise dg.Failure(f"not published, checks failed:\n{names}", allow_retries=False)
    with warehouse.connect() as connection:
        version = publish(
            connection,
            settings.serving_dir,
            Version(
                run_id=context.run_id,
                published_at=datetime.now(UTC),
                as_of_date=_as_of_date(connection),
                timezone=settings.timezone,
                currency=settings.currency,
                source_kind="demo" if settings.sources is None else "real",
            ),
            results,
        )
    file = settings.serving_dir / f"{version.run_id}.duckdb"
    return dg.MaterializeResult(
        metadata={
            "data_version": version.data_version,
            "as_of_date": str(version.as_of_date),
            "file": dg.MetadataValue.path(str(file)),
            "size_mb": round(file.stat().st_size / 1e6, 1),
            "checks": len(results),
            "warnings": sum(result.status == "failed" for result in results),
        },
        data_version=dg.DataVersion(version.data_version),
    )


def check_results(
    latest: Mapping[dg.AssetCheckKey, AssetCheckExecutionRecord | None] | Any,
) -> Iterable[CheckResult]:
    """Turn Dagster's records of the latest evaluation of each check into rows."""
    for key, record in sorted(latest.items()):
        event = record.event.dagster_event if record is not None and record.event is not None else None
        if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        evaluation = event.asset_check_evaluation_data
        rows = [
            evaluation.metadata[name].value
            for name in ("dagster_dbt/failed_row_count", "wrong_rows")
            if name in evaluation.metadata
        ]
        yield CheckResult(
            check_name=key.name,
            asset="/".join(key.asset_key.path),
            status="passed" if evaluation.passed else "failed",
            severity="error" if _CHECKS[key].blocking else "warn",
            rows=int(rows[0]) if rows and rows[0] is not None else None,
            description=_CHECKS[key].description or evaluation.description or key.name.replace("_", " "),
            checked_at=datetime.fromtimestamp(record.create_timestamp, UTC),
        )


def _as_of_date(connection: Any) -> date | None:
    last: date | None = connection.execute("select max(as_of_date) from intermediate.int_calendar__as_of").fetchall()[
        0
    ][0]
    return last
