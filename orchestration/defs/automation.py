"""When the pipeline runs by itself, and who hears of it when it fails."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import dagster as dg

from orchestration.defs.partitions import SOURCES
from orchestration.defs.raw.assets import RAW_ASSETS
from orchestration.defs.raw.replay import FOLLOWED_TAG, replay_job
from orchestration.defs.serving.stopped import note_stopped
from orchestration.defs.warehouse.assets import REBUILD_TAG

#: Everything that needs no source to be asked.
ABOVE_RAW = dg.AssetSelection.all() - dg.AssetSelection.assets(*(key for asset in RAW_ASSETS for key in asset.keys))


def _job(name: str, selection: dg.AssetSelection, description: str, **tags: str) -> Any:
    return dg.define_asset_job(
        name,
        selection=selection,
        hooks={note_stopped},
        executor_def=dg.in_process_executor,
        config={"loggers": {"console": {"config": {}}}},  # one line per step: console.py
        description=description,
        tags={**tags, "dagster/max_runtime": "14400"},
    )


daily = _job(
    "daily",
    dg.AssetSelection.all(),
    "Load a day (or a range of days in one run), build and test the warehouse, fit the models, publish.",
)
build = _job("build", ABOVE_RAW, "Build what changed in raw, test, fit and publish, without asking any source.")
rebuild = _job(
    "rebuild",
    ABOVE_RAW,
    "Build everything anew from the raw rows and publish; the daily job builds only what changed.",
    **{REBUILD_TAG: "true"},
)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[replay_job],
    request_job=build,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="What a replay brought in is built, tested and published.",
)
def build_after_replay(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    if context.dagster_run.tags.get(FOLLOWED_TAG):
        return dg.SkipReason("whoever started the replay builds by himself")
    return dg.RunRequest(run_key=context.dagster_run.run_id)


def alert_sensors() -> list[dg.SensorDefinition]:
    """Return the alerts that the environment configures: none, e-mail, Slack, or both."""
    sensors: list[dg.SensorDefinition] = []
    sender, recipients = os.environ.get("NETZPLAN_ALERT_EMAIL_FROM"), os.environ.get("NETZPLAN_ALERT_EMAIL_TO")
    if sender and recipients:
        sensors.append(
            dg.make_email_on_run_failure_sensor(
                email_from=sender,
                email_password=os.environ.get("NETZPLAN_ALERT_EMAIL_PASSWORD", ""),
                email_to=[address.strip() for address in recipients.split(",")],
                smtp_host=os.environ.get("NETZPLAN_ALERT_SMTP_HOST", "localhost"),
                smtp_type=os.environ.get("NETZPLAN_ALERT_SMTP_TYPE", "SSL"),
                name="email_on_failure",
                default_status=dg.DefaultSensorStatus.RUNNING,
            )
        )
    if webhook := os.environ.get("NETZPLAN_ALERT_SLACK_WEBHOOK"):
        sensors.append(_slack_sensor(webhook))
    return sensors


def _slack_sensor(webhook: str) -> dg.SensorDefinition:
    @dg.run_failure_sensor(name="slack_on_failure", default_status=dg.DefaultSensorStatus.RUNNING)
    def slack_on_failure(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        text = f"Netzplan: run {run.run_id} of {run.job_name} failed. {context.failure_event.message or ''}"
        request = urllib.request.Request(
            webhook, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20):
            pass

    return slack_on_failure


def morning_schedules() -> list[Any]:
    """Return the schedule: yesterday, every morning at five. Without a daily feed there is no day to run."""
    if not any(feed.is_daily for feed in SOURCES.feeds):
        return []
    return [
        dg.build_schedule_from_partitioned_job(
            daily,
            name="every_morning",
            hour_of_day=5,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Yesterday, once its deliveries are in.",
        )
    ]


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(
        jobs=[daily, build, rebuild],
        schedules=morning_schedules(),
        sensors=[build_after_replay, *alert_sensors()],
        executor=dg.in_process_executor,
    )
