"""Customers: who is about to buy, to leave, to send back; what campaigns change, and the next best one."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

import ml.bgnbd
import ml.calibration
import ml.campaign_models
import ml.causal
import ml.customer_leakage
import ml.customer_scores
import ml.customer_tastes
import ml.customer_value
import ml.uplift
import ml.visit_stages
from ml.campaign_models import next_best
from orchestration.defs.ml import customer_scoring
from orchestration.defs.ml.customer_scoring import TASKS, Fit, Task
from orchestration.defs.ml.model_store import ModelFileError, load_model, save_model
from orchestration.defs.ml.refit import code_version, inputs_hash, remember, unchanged
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse
from orchestration.settings import Settings

_SHARED = ("customer_scores", "customer_models", "customer_calibration")
_DESCRIPTIONS = {
    "customer_scores": "One row per scored visit, order line or person x model, with its interval; consent only.",
    "customer_models": "One row per model of customers: how it did on later data, and its verdict.",
    "customer_calibration": "One row per model x tenth by score: what was predicted and what came true.",
    "visit_next_steps": "One row per stage of a visit x next step, with its probability.",
    "search_tastes": "One row per segment of searchers: brand-loyal, price-sensitive, neutral.",
    "campaign_effects": "One row per on-site experiment x kind of effect x segment.",
    "campaign_targeting": "One row per on-site experiment: whether choosing visitors by their uplift pays.",
    "next_best_campaigns": "One row per person who agreed to be addressed x rank of a campaign.",
}
_CONSENT, _COVERAGE = "no_score_without_consent", "every_unit_is_scored_once"
_CALIBRATION, _LEAKAGE, _FILES = (
    "probabilities_come_true",
    "models_do_not_know_the_answer",
    "model_files_give_the_scores",
)
_CHECKS = {
    _CONSENT: ("customer_scores", "Nobody who objects to analytics, or did not agree to be addressed, has a score."),
    _COVERAGE: (
        "customer_scores",
        "A supported model scores every unit it should once, with an interval; others none.",
    ),
    _CALIBRATION: ("customer_calibration", "What supported models predicted came true on later data, within a third."),
    _LEAKAGE: ("customer_models", "Shuffled labels cannot be predicted, and nothing is predicted all but perfectly."),
    _FILES: ("customer_scores", "The model files, read back by their hash, give the scores that stand in the table."),
}
_SOURCES = ("consents", "visits", "visit_snapshots", "order_lines", "search_signals", "stage_moves", "campaign_units")
_CODE = (
    ml.bgnbd, ml.calibration, ml.campaign_models, ml.causal, ml.customer_leakage, ml.customer_scores,
    ml.customer_tastes, ml.customer_value, ml.uplift, ml.visit_stages, customer_scoring, sys.modules[__name__],
)  # fmt: skip


@dg.multi_asset(
    name="ml__customers",
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["ml", name]),
            description=description,
            deps=[
                *(dg.AssetKey(["intermediate", f"int_customers__{source}"]) for source in _SOURCES),
                dg.AssetKey(["intermediate", "int_sales__conversions"]),
                dg.AssetKey(["intermediate", "int_calendar__as_of"]),
                dg.AssetKey(["seeds", "cji_phases"]),
                dg.AssetKey(["seeds", "reaction_plan"]),
            ],
            group_name="ml/customers",
            kinds={"python", "duckdb", "scikitlearn"},
            owners=["team:science"],
            code_version="1",
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    check_specs=[
        dg.AssetCheckSpec(name, asset=dg.AssetKey(["ml", asset]), blocking=True, description=description)
        for name, (asset, description) in _CHECKS.items()
    ],
    pool="warehouse",
)
def customer_models(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
    folder = Settings.from_environment().data_dir / "models"
    version = code_version(*_CODE)
    parts: dict[str, list[pa.Table]] = {name: [] for name in _DESCRIPTIONS}
    cards: dict[str, str] = {}
    notes: list[tuple[Task, str, Mapping[str, str]]] = []
    wrong: list[dict[str, str]] = []
    refitted = []
    for task in TASKS:
        rows = warehouse.read_query(task.query, **task.parameters)
        inputs = inputs_hash(rows)
        fit = None if _stands(warehouse, task, inputs, version) else task.fit(rows.to_pandas())
        if fit is None:
            for name, kept in _kept(warehouse, task).items():
                parts[name].append(kept)
        else:
            refitted.append(task.name)
            for name, frame in fit.tables.items():
                parts[name].append(_table(name, frame))
            notes.append((task, inputs, _save(folder, task, fit)))
        if task.rescore is not None:
            about = notes[-1][2] if fit is not None else _noted(warehouse, task)
            wrong += _differences(task, about, rows, parts["customer_scores"][-1])
    plan, persons = (
        warehouse.read_query(name).to_pandas()
        for name in ("ml/customers_reaction_plan.sql", "ml/customers_persons.sql")
    )
    tables = {name: _together(name, found) for name, found in parts.items()}
    tables["next_best_campaigns"] = _campaigns(persons, plan, tables)
    as_of = warehouse.read_query("ml/customers_as_of.sql")["as_of_date"][0]
    stamped = tables["customer_scores"].drop_columns("as_of_date")
    tables["customer_scores"] = stamped.add_column(
        0, "as_of_date", pa.array([as_of.as_py()] * len(stamped), pa.date32())
    )
    for name, table in tables.items():
        warehouse.replace(f"ml.{name}", table)
    for task, inputs, about in notes:
        remember(warehouse, task.name, inputs, version, **about)
    cards = {task.name: _noted(warehouse, task).get("card") or "" for task in TASKS}
    checks = {
        _CONSENT: warehouse.read_query("ml/check_customer_consent.sql"),
        _COVERAGE: warehouse.read_query("ml/check_customer_coverage.sql", recent_days=customer_scoring.RECENT_DAYS),
        _CALIBRATION: warehouse.read_query("ml/check_customer_calibration.sql"),
        _LEAKAGE: warehouse.read_query("ml/check_customer_leakage.sql"),
        _FILES: pa.Table.from_pylist(wrong, pa.schema([("model", pa.string()), ("problem", pa.string())])),
    }
    context.log.info(f"fitted: {', '.join(refitted) or 'none, inputs and code are unchanged'}")
    for name, table in tables.items():
        personal = name in ("customer_scores", "next_best_campaigns")
        metadata: dict[str, Any] = {"dagster/row_count": table.num_rows, "refitted": ", ".join(refitted) or "none"}
        if not personal:
            metadata["preview"] = preview(table)
        if name == "customer_models":
            metadata |= {f"card_{model}": dg.MetadataValue.md(text) for model, text in cards.items() if text}
            metadata["folder"] = dg.MetadataValue.path(str(folder))
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(["ml", name]),
            metadata=metadata,
            check_results=[
                _on(name, check(title, rows)) for title, rows in checks.items() if _CHECKS[title][0] == name
            ],
        )


def _on(name: str, result: dg.AssetCheckResult) -> dg.AssetCheckResult:
    return result._replace(asset_key=dg.AssetKey(["ml", name]))


def _stands(warehouse: Warehouse, task: Task, inputs: str, version: str) -> bool:
    """Whether the rows and the file of the last fit are those that a new one would give."""
    if not unchanged(warehouse, task.name, inputs, version):
        return False
    about = _noted(warehouse, task)
    try:
        if about.get("file"):
            load_model(Path(about["file"]), about["file_sha256"])
    except ModelFileError:
        return False
    kept = _kept(warehouse, task)
    return all(kept["customer_models"]["model"].to_pylist().count(model) == 1 for model in task.models) and all(
        kept[name].num_rows for name in task.tables
    )


def _kept(warehouse: Warehouse, task: Task) -> dict[str, pa.Table]:
    """What the last fit of the task wrote."""
    with warehouse.connect() as connection:
        shared = {
            name: connection.execute(
                f"select * from ml.{name} where list_contains(?, model)", [list(task.models)]
            ).to_arrow_table()
            for name in _SHARED
        }
        whole = {name: connection.execute(f"select * from ml.{name}").to_arrow_table() for name in task.tables}
    return {name: table.cast(TABLES[name]) for name, table in {**shared, **whole}.items()}


def _noted(warehouse: Warehouse, task: Task) -> dict[str, str]:
    with warehouse.connect() as connection:
        rows = connection.execute(
            "select file, file_sha256, card from ml.model_fits where model = ?", [task.name]
        ).fetchall()
    return (
        {key: value for key, value in zip(("file", "file_sha256", "card"), rows[0], strict=True) if value}
        if rows
        else {}
    )


def _save(folder: Path, task: Task, fit: Fit) -> dict[str, str]:
    if fit.model is None:
        return {}
    stored = save_model(folder, task.name, fit.model, fit.card)
    return {"file": str(stored.file), "file_sha256": stored.sha256, "card": stored.card}


def _differences(task: Task, about: Mapping[str, str], rows: pa.Table, scores: pa.Table) -> list[dict[str, str]]:
    """What is wrong with a model file, if its model does not give the scores."""
    if not about.get("file") or not scores.num_rows or task.rescore is None:
        return []
    try:
        model = load_model(Path(about["file"]), about["file_sha256"])
    except ModelFileError as error:
        return [{"model": task.name, "problem": str(error)}]
    again = task.rescore(model, rows.to_pandas()).set_index("unit_id")["score"]
    told = scores.to_pandas().set_index("unit_id")["score"].reindex(again.index)
    off = int((~np.isclose(again, told, rtol=0, atol=1e-9)).sum())
    return [{"model": task.name, "problem": f"{off} of {len(again)} scores differ"}] if off else []


def _campaigns(persons: pd.DataFrame, plan: pd.DataFrame, tables: Mapping[str, pa.Table]) -> pa.Table:
    if persons.empty or plan.empty:
        return TABLES["next_best_campaigns"].empty_table()
    scores = tables["customer_scores"].to_pandas()
    tastes = scores[scores["model"] == "search_taste"].set_index("person_id")["label"]
    persons = persons.assign(segment=persons["person_id"].map(tastes).fillna("undecided"))
    return _table("next_best_campaigns", next_best(persons, plan, tables["campaign_effects"].to_pandas()))


def _table(name: str, frame: pd.DataFrame) -> pa.Table:
    """The frame as rows of the table: columns it lacks are NULL, others are left out."""
    columns = [
        pa.array(frame[column.name], column.type, from_pandas=True)
        if column.name in frame and frame[column.name].notna().any()
        else pa.nulls(len(frame), column.type)
        for column in TABLES[name]
    ]
    return pa.Table.from_arrays(columns, schema=TABLES[name])


def _together(name: str, found: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(found) if found else TABLES[name].empty_table()
