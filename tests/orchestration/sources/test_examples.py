"""The documented example runs on the real data beside the project."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.sources.config import load_config
from orchestration.sources.load import load_entity
from tests.orchestration.sources.conftest import KEY, NOW

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "web_ecom.yaml"
DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="the sample data is not beside the project")
def test_web_ecom_is_loaded_to_the_last_event(tmp_path):
    warehouse = tmp_path / "warehouse.duckdb"
    config = load_config(EXAMPLE)
    for entity in ("web_events", "orders", "weather_observations"):
        reports = load_entity(
            config, entity, [date(2024, 1, 1), date(2024, 6, 30)], warehouse=warehouse, key=KEY,
            timezone="Europe/Berlin", now=NOW,
        )  # fmt: skip
        assert all(report.rows_in == report.rows_loaded > 0 for report in reports)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        facts = connection.execute(
            "select count(*), count(distinct visitor_id), count(distinct session_id), "
            "count(*) filter (event_name = 'purchase') from raw.web_events"
        ).fetchall()
        assert facts == [(31_106, 600, 3_605, 470)]
        assert connection.execute("select count(distinct order_id) from raw.orders").fetchall() == [(470,)]
        assert connection.execute("select count(*) from raw.weather_observations").fetchall() == [(366,)]
