"""Posts scored by a configured model: only new texts are asked about, and without a model there is nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.defs.ml.social import post_sentiments
from orchestration.defs.ml.tables import create_ml_tables
from orchestration.defs.resources import Warehouse
from orchestration.sources.load import create_raw_tables

ASKED: list[str] = []


class Loud:
    """Capitals are bad."""

    def score(self, texts, languages):
        ASKED.extend(texts)
        return [-1.0 if text.isupper() else 0.5 for text in texts]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        create_raw_tables(connection)
        create_ml_tables(connection)
    return path


def deliver(path: Path, post_id: str, text: str, day: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into raw.social_posts (post_id, network, posted_at, language, text, _source, _delivery_date, "
            "_row_number) values (?, 'x', ?, 'de', ?, 's', ?, 1)",
            [post_id, datetime(2026, 1, day, tzinfo=UTC), text, date(2026, 1, day)],
        )


def scored(path: Path) -> dict[str, float]:
    ASKED.clear()
    assert dg.materialize(
        [post_sentiments], resources={"warehouse": Warehouse(path=str(path), timezone="Europe/Berlin")}
    ).success
    with duckdb.connect(str(path), read_only=True) as connection:
        return dict(connection.execute("select post_id, sentiment from ml.post_sentiments").fetchall())


def test_a_post_is_asked_about_once_and_again_when_its_text_changes(path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NETZPLAN_SENTIMENT_BACKEND", f"{__name__}:Loud")
    deliver(path, "1", "MIST", 1)
    deliver(path, "2", "schön", 1)
    assert scored(path) == {"1": -1.0, "2": 0.5}
    assert sorted(ASKED) == ["MIST", "schön"]
    deliver(path, "1", "doch gut", 2)
    deliver(path, "2", "schön", 2)
    assert scored(path) == {"1": 0.5, "2": 0.5}
    assert ASKED == ["doch gut"]


def test_without_a_model_the_lexicon_decides(path: Path, monkeypatch) -> None:
    deliver(path, "1", "schön", 1)
    monkeypatch.setenv("NETZPLAN_SENTIMENT_BACKEND", f"{__name__}:Loud")
    assert scored(path)
    monkeypatch.delenv("NETZPLAN_SENTIMENT_BACKEND")
    assert scored(path) == {}
    assert ASKED == []
