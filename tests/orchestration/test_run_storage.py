"""Events written in batches read like events written one by one."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.settings import PROJECT_DIR

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-31")
KEY = dg.AssetKey(["raw", "orders"])


@dg.asset(key=KEY, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), pool="warehouse")
def orders(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    span = context.partition_key_range
    for day in context.partition_keys:
        context.add_asset_metadata({"dagster/partition_row_count": int(day[-2:])}, partition_key=day)
    return dg.MaterializeResult(metadata={"first": span.start})


def run_range(home: Path, batch_size: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    home.mkdir()
    shutil.copy(PROJECT_DIR / "dagster.yaml", home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch_size)
    job = dg.Definitions([orders], jobs=[dg.define_asset_job("daily")]).resolve_job_def("daily")
    tags = {"dagster/asset_partition_range_start": "2026-01-03", "dagster/asset_partition_range_end": "2026-01-09"}
    with dg.DagsterInstance.get() as instance:
        assert job.execute_in_process(instance=instance, tags=tags).success
        latest = instance.get_latest_materialization_event(KEY)
        assert latest is not None
        assert latest.asset_materialization is not None
        events = instance.fetch_materializations(KEY, limit=50).records
        planned = instance.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, KEY), limit=50
        )
        record = instance.get_asset_records([KEY])[0]
        return {
            "filled": instance.get_materialized_partitions(KEY),
            "latest": latest.asset_materialization.partition,
            "rows": {
                event.partition_key: event.asset_materialization.metadata["dagster/partition_row_count"].value
                for event in events
                if event.asset_materialization
            },
            "planned": sorted(str(event.partition_key) for event in planned),
            "log": sorted(
                str(entry.dagster_event_type) for entry in instance.all_logs(record.asset_entry.last_run_id or "")
            ),
        }


def test_a_range_in_batches_is_a_range_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = run_range(tmp_path / "single", "0", monkeypatch)
    batched = run_range(tmp_path / "batched", "1000", monkeypatch)
    assert batched == one_by_one
    assert batched["filled"] == {f"2026-01-0{day}" for day in range(3, 10)}
    assert batched["rows"]["2026-01-07"] == 7


def test_a_batch_is_written_in_bulk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.run_storage import BatchingEventLogStorage

    singles: list[object] = []
    original = BatchingEventLogStorage.store_event

    def counted(self: BatchingEventLogStorage, event: dg.EventLogEntry) -> None:
        if event.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            singles.append(event)
        original(self, event)

    monkeypatch.setattr(BatchingEventLogStorage, "store_event", counted)
    run_range(tmp_path / "batched", "1000", monkeypatch)
    assert not singles
