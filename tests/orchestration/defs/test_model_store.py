"""Models on disk: what is read is what was written, and nothing else; refits only when something changed."""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from orchestration.defs.ml.model_store import ModelFileError, load_model, save_model
from orchestration.defs.ml.refit import code_version, inputs_hash, remember, unchanged
from orchestration.defs.ml.tables import create_ml_tables
from orchestration.defs.resources import Warehouse

X, Y = np.arange(20.0).reshape(-1, 1), np.arange(20) > 9


def test_a_model_comes_back_as_it_was_with_its_card(tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, Y)
    stored = save_model(tmp_path, "intent", {"model": model, "features": ["x"]}, {"Data": "20 rows", "Limits": "few"})
    again = load_model(stored.file, stored.sha256)
    assert np.array_equal(again["model"].predict_proba(X), model.predict_proba(X))
    card = (tmp_path / "intent.md").read_text()
    assert card == stored.card
    assert stored.sha256 in card
    assert "20 rows" in card
    assert not list(tmp_path.glob("*.part"))


def test_a_file_that_was_changed_is_not_read(tmp_path: Path) -> None:
    stored = save_model(tmp_path, "intent", {"a": 1.0}, {})
    stored.file.write_bytes(stored.file.read_bytes() + b"x")
    with pytest.raises(ModelFileError, match="it was changed since"):
        load_model(stored.file, stored.sha256)
    stored.file.unlink()
    with pytest.raises(ModelFileError, match="is missing"):
        load_model(stored.file, stored.sha256)


def test_types_that_could_run_code_are_not_built(tmp_path: Path) -> None:
    import hashlib

    file = tmp_path / "odd.skops"
    file.write_bytes(skops.io.dumps({"path": types.SimpleNamespace(a=1)}))
    with pytest.raises(ModelFileError, match=r"SimpleNamespace.* not trusted"):
        load_model(file, hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    house = Warehouse(path=str(tmp_path / "warehouse.duckdb"), timezone="UTC")
    with house.connect() as connection:
        create_ml_tables(connection)
    return house


def test_only_other_rows_or_other_code_ask_for_a_new_fit(warehouse: Warehouse) -> None:
    rows = pa.table({"a": [1, 2, 3], "b": [0.1, 0.2, 0.3]})
    inputs = inputs_hash(rows)
    assert not unchanged(warehouse, "m", inputs, "1")
    remember(warehouse, "m", inputs, "1", card="# M")
    assert unchanged(warehouse, "m", inputs_hash(rows.take([2, 0, 1])), "1")
    assert unchanged(warehouse, "m", inputs_hash(rows.set_column(1, "b", [[0.1 + 1e-17, 0.2, 0.3]])), "1")
    assert not unchanged(warehouse, "m", inputs_hash(rows.set_column(1, "b", [[0.1, 0.2, 0.31]])), "1")
    assert not unchanged(warehouse, "m", inputs_hash(rows.slice(1)), "1")
    assert not unchanged(warehouse, "m", inputs, "2")
    assert not unchanged(warehouse, "other", inputs, "1")
    remember(warehouse, "m", inputs, "2")
    assert not unchanged(warehouse, "m", inputs, "1")


def test_the_version_of_code_is_its_text() -> None:
    import ml.bgnbd
    import ml.metrics

    assert code_version(ml.metrics) == code_version(ml.metrics)
    assert code_version(ml.metrics) != code_version(ml.metrics, ml.bgnbd)
