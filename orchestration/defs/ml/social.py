"""Sentiment of public posts by a model, where one is configured; without one the lexicon in the warehouse decides."""

from __future__ import annotations

import dagster as dg
import numpy as np
import pyarrow as pa

from ml.social_sentiment import load_backend, score_posts
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.resources import Warehouse
from orchestration.settings import Settings


@dg.asset(
    key=["ml", "post_sentiments"],
    group_name="ml/social",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    deps=[dg.AssetKey(["raw", "social_posts"])],
    pool="warehouse",
    code_version="1",
)
def post_sentiments(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per public post that the configured model has scored; empty while the lexicon is used."""
    backend = Settings.from_environment().sentiment_backend
    table = TABLES["post_sentiments"].empty_table()
    new = 0
    if backend:
        posts = warehouse.read_query("ml/new_posts.sql", backend=backend)
        scores = posts["sentiment"].to_numpy().copy()
        is_new = np.isnan(scores)
        new = int(is_new.sum())
        if new:
            asked = posts.filter(pa.array(is_new))
            model = load_backend(backend)
            scores[is_new] = score_posts(model, asked["text"].to_pylist(), asked["language"].to_pylist())
        columns = [posts["post_id"], pa.array(scores), pa.array([backend] * len(scores)), posts["text_hash"]]
        table = pa.table(columns, schema=TABLES["post_sentiments"])
    warehouse.replace("ml.post_sentiments", table)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": table.num_rows, "scored_now": new, "backend": backend or "lexicon"}
    )
