"""dbt in this process: a build starts in tenths of a second, where its command line takes seconds to start."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.defs.resources import Warehouse
from orchestration.defs.warehouse.manifest import load_native
from orchestration.settings import DBT_PROJECT_DIR

_FAILED = {"error", "fail", "runtime error", "partial success"}


def stream_build(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    *,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    variables: Mapping[str, object],
    output_dir: Path,
) -> Iterator[Any]:
    """Build what the step selects and yield Dagster's events as dbt's arrive.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of an op made by `@dbt_assets`.
    warehouse : Warehouse
        The database the models are built in.
    manifest : mapping
        What the assets were made from.
    translator : DagsterDbtTranslator
        What the assets were named with.
    variables : mapping
        dbt variables.
    output_dir : Path
        Compiled SQL, run results and dbt's log.

    Raises
    ------
    dagster.Failure
        A model or a test of severity error failed; names them.
    """
    arguments = ["build", "--select", *selected_nodes(context, manifest), "--indirect-selection", "empty"]
    arguments += ["--exclude-resource-type", "unit_test"]
    arguments += ["--vars", json.dumps(dict(variables)), "--target-path", str(output_dir)]
    events: SimpleQueue[Any] = SimpleQueue()
    # A thread, so that the UI sees each model when it is done, not all of them at the end.
    worker = threading.Thread(target=_invoke, args=(arguments, output_dir, warehouse.path, events), daemon=True)
    worker.start()
    with warehouse.connect() as connection:
        while (event := events.get()) is not None:
            for result in _dagster_events(event, context, manifest, translator):
                if isinstance(result, dg.Output):
                    node = manifest["nodes"][result.metadata["unique_id"].value]
                    rows = _row_count(connection, node)
                    result = result.with_metadata({**result.metadata, **rows})
                yield result
    worker.join()
    _raise_on_failure(events.get())


def selected_nodes(context: dg.AssetExecutionContext, manifest: Mapping[str, Any]) -> list[str]:
    """Name the models, seeds and tests of the step.

    dbt's own way to find the tests of a model would run a comparison of two models with the first one built, or
    not at all; the checks of the step are exactly those whose models are there. Unit tests are left out: they test
    the SQL, not the data, so `make test` runs them, not every morning.
    """
    definition = context.assets_def
    specs = [definition.get_asset_spec(key) for key in context.selected_asset_keys]
    checks = [definition.get_spec_for_check_key(key) for key in context.selected_asset_check_keys]
    chosen = {(spec.metadata or {})["dagster_dbt/unique_id"] for spec in (*specs, *checks)}
    return [".".join(manifest["nodes"][unique_id]["fqn"]) for unique_id in sorted(chosen)]


def _invoke(arguments: Sequence[str], output_dir: Path, warehouse: str, events: SimpleQueue[Any]) -> None:
    outcome = run_dbt(arguments, output_dir, warehouse, [events.put])
    events.put(None)
    events.put(outcome)


def run_dbt(
    arguments: Sequence[str], output_dir: Path, warehouse: str, callbacks: Sequence[Callable[[Any], None]] = ()
) -> Any:
    """Run a dbt command in this process, on a warehouse file that is free again afterwards; never raises.

    Returns
    -------
    dbt.cli.main.dbtRunnerResult
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner, dbtRunnerResult

    os.environ["NETZPLAN_WAREHOUSE"] = warehouse
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    project = ["--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)]
    # What dbt would write of itself after each command costs a second and is read by nobody.
    logging = ["--no-write-json", "--log-level", "none", "--log-level-file", "info", "--log-path", str(output_dir)]
    try:
        return dbtRunner(manifest=load_native(), callbacks=list(callbacks)).invoke([*logging, *arguments, *project])
    except BaseException as error:
        return dbtRunnerResult(success=False, exception=error)
    finally:
        # dbt keeps its connection for a next command; the lock on the file would outlive the run with it.
        with suppress(Exception):
            DuckDBConnectionManager.env().close()


def _dagster_events(
    event: Any, context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: DagsterDbtTranslator
) -> Iterator[Any]:
    from dbt_common.events.functions import msg_to_dict

    if not event.info.name.endswith("Result"):
        return
    raw = msg_to_dict(event)
    message = DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={})
    if "node_info" in raw["data"] and message.is_result_event:
        yield from message.to_default_asset_events(
            manifest=manifest, dagster_dbt_translator=translator, context=context
        )


def _row_count(connection: Any, node: Mapping[str, Any]) -> dict[str, Any]:
    """Count a table's rows (a look at its header); a view's would compute it."""
    if node["config"]["materialized"] == "view":
        return {}
    # A cursor begins a transaction of its own and so sees what dbt has committed by now.
    counted = connection.cursor().execute(f'select count(*) from "{node["schema"]}"."{node["alias"]}"').fetchall()
    return {"dagster/row_count": dg.MetadataValue.int(counted[0][0])}


def _raise_on_failure(outcome: Any) -> None:
    if outcome.success:
        return
    results = getattr(outcome.result, "results", None) or []
    failed = [result for result in results if str(result.status) in _FAILED]
    lines = [f"- {result.node.name}: {result.message}" for result in failed]
    if outcome.exception is not None:
        lines.append(f"- {outcome.exception}")
    raise dg.Failure(
        description="dbt stopped; nothing is published:\n" + "\n".join(lines or ["- no node says why; see dbt.log"]),
        metadata={"failed": dg.MetadataValue.json([result.node.unique_id for result in failed])},
        allow_retries=False,
    )
