"""Weather: units, gaps and days as the services document them; a forecast is never taken for an observation."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.sources.config import load_config
from orchestration.sources.errors import DeliveryError
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.preset_rows import expected, loaded, rejected, utc

DAY = date(2026, 1, 5)
PLACES = [
    {"location_id": "dresden", "latitude": 51.05, "longitude": 13.74},
    {"location_id": "hamburg", "latitude": 53.55, "longitude": 9.99},
]
SOURCES = [
    {"id": 7, "dwd_station_id": "01048", "observation_type": "historical", "distance": 9000.0},
    {"id": 8, "dwd_station_id": "01050", "observation_type": "current", "distance": 11000.0},
    {"id": 9, "dwd_station_id": None, "observation_type": "forecast", "distance": 12000.0},
]


def hour(timestamp: str, **other):
    return {
        "timestamp": timestamp, "source_id": 7, "temperature": -1.5, "precipitation": 0.2, "sunshine": 30.0,
        "wind_speed": 18.0, "relative_humidity": 90, "condition": "snow", **other,
    }  # fmt: skip


def observed(location: str, *moment: int, source: str = "brightsky", **other):
    return {
        "location_id": location, "observed_at": utc(*moment), "source": source, "temperature_celsius": -1.5,
        "precipitation_mm": 0.2, "sunshine_minutes": 30.0, "wind_speed_ms": 5.0, "humidity_share": 0.9, **other,
    }  # fmt: skip


def test_bright_sky_saved_as_files(desk):
    gap = hour("2026-01-05T11:00:00+01:00", temperature=None)
    desk.write("w_20260105.json", json.dumps({"weather": [hour("2026-01-05T10:00:00+00:00"), gap], "sources": []}))
    desk.feeds = {"w": {"kind": "files", "preset": "brightsky", "path": "w_{day:%Y%m%d}.json"}}
    desk.load("weather_observations", DAY)
    assert len(loaded(desk, "weather_observations")) == 1  # the same hour, written with another offset
    facts = "location_id, observed_at, rows_duplicate"
    assert desk.one(f"select {facts} from raw.weather_observations, raw.load_batches") == ("7", utc(2026, 1, 5, 10), 1)


def test_bright_sky_keeps_what_a_station_measured(desk, server):
    """Rows and single values of the forecast fill up the hours that no station has delivered yet."""

    def answers(path, params, attempt):
        assert (path, params["max_dist"]) == ("/weather", "50000")
        assert (params["date"], params["last_date"]) == ("2026-01-04T23:00:00Z", "2026-01-05T23:00:00Z")
        if params["lat"] == "53.55":
            return ok({"weather": [hour("2026-01-05T10:00:00+00:00", source_id=8)], "sources": SOURCES})
        rows = [
            hour("2026-01-05T10:00:00+00:00"),
            hour("2026-01-05T11:00:00+00:00", sunshine=None),
            hour("2026-01-05T12:00:00+00:00", fallback_source_ids={"sunshine": 9, "wind_speed": 8}),
            hour("2026-01-05T13:00:00+00:00", source_id=9),
            hour("2026-01-05T14:00:00+00:00", temperature="cold"),
        ]
        return ok({"weather": rows, "sources": SOURCES})

    server.answer = answers
    desk.feeds = {"w": {"kind": "rest", "preset": "brightsky", "url": f"{server.url}/weather", "for_each": PLACES}}
    [report] = desk.load("weather_observations", DAY)
    assert (report.rows_in, report.rows_loaded, report.rows_filtered, report.rows_quarantined) == (5, 4, 1, 1)
    assert loaded(desk, "weather_observations") == expected(
        "weather_observations",
        observed("dresden", 2026, 1, 5, 10),
        observed("dresden", 2026, 1, 5, 11, sunshine_minutes=None),
        observed("dresden", 2026, 1, 5, 12, sunshine_minutes=None),
        observed("hamburg", 2026, 1, 5, 10),
    )
    assert rejected(desk) == [("bad_number", "temperature_celsius: cold is not a number")]


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 3, 29), "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        (date(2026, 10, 25), "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    ],
)
def test_a_day_of_the_clock_change_is_asked_for_whole(desk, server, day, first, last):
    server.answer = lambda path, params, attempt: ok({"weather": [hour(first)], "sources": SOURCES})
    desk.feeds = {"w": {"kind": "rest", "preset": "brightsky", "url": server.url, "for_each": PLACES[:1]}}
    desk.load("weather_observations", day)
    assert {(params["date"], params["last_date"]) for _, params, _ in server.requests} == {(first, last)}


def now(hours: int = 0) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)


def test_bright_sky_forecasts_carry_the_hour_they_were_fetched(desk, server):
    rows = [
        hour(now(-1).isoformat(), source_id=9),
        hour(now(2).isoformat(), source_id=7),
        hour(now(3).isoformat(), source_id=9, wind_speed=None),
        hour(now(4).isoformat(), source_id=9, precipitation="much"),
    ]
    server.answer = lambda path, params, attempt: ok({"weather": rows, "sources": SOURCES})
    today = now().date()
    desk.feeds = {
        "w": {"kind": "rest", "preset": "brightsky_forecast", "url": f"{server.url}/weather", "for_each": PLACES[:1]}
    }
    [report] = desk.load("weather_forecasts", today, now=now(1))
    assert (report.rows_loaded, report.rows_filtered, report.rows_quarantined) == (1, 2, 1)
    row = observed("dresden", 1, 1, 1, wind_speed_ms=None)
    del row["observed_at"]
    assert loaded(desk, "weather_forecasts") == expected(
        "weather_forecasts", {**row, "valid_at": now(3), "issued_at": now()}
    )
    assert rejected(desk) == [("bad_number", "precipitation_mm: much is not a number")]


def columns(times: list[str], **other):
    count = len(times)
    return {
        "latitude": 51.0, "longitude": 13.7, "utc_offset_seconds": 0, "timezone": "GMT",
        "hourly_units": {"wind_speed_10m": "m/s", "sunshine_duration": "s", **other.pop("units", {})},
        "hourly": {
            "time": times, "temperature_2m": [-1.5] * count, "precipitation": [0.2] * count,
            "sunshine_duration": [1800.0] * count, "wind_speed_10m": [5.0] * count,
            "relative_humidity_2m": [90] * count, **other,
        },
    }  # fmt: skip


def open_meteo(desk, server, preset: str = "open_meteo"):
    desk.feeds = {"w": {"kind": "rest", "preset": preset, "url": f"{server.url}/v1", "for_each": PLACES}}
    return desk


def test_open_meteo_archive_in_columns(desk, server):
    def answers(path, params, attempt):
        assert (params["start_date"], params["end_date"], params["timezone"]) == ("2026-01-05", "2026-01-05", "GMT")
        if params["latitude"] == "53.55":
            empty = {name: [None] for name in columns(["x"])["hourly"] if name != "time"}
            return ok(columns(["2026-01-05T01:00"], **empty))
        times = ["2026-01-05T00:00", "2026-01-05T01:00", "2026-01-05T02:00"]
        return ok(columns(times, sunshine_duration=[1800.0, None, 1800.0], temperature_2m=[-1.5, -1.5, "cold"]))

    server.answer = answers
    [report] = open_meteo(desk, server).load("weather_observations", DAY)
    assert (report.rows_loaded, report.rows_filtered, report.rows_quarantined) == (2, 1, 1)
    assert loaded(desk, "weather_observations") == expected(
        "weather_observations",
        observed("dresden", 2026, 1, 5, 0, source="open_meteo"),
        observed("dresden", 2026, 1, 5, 1, source="open_meteo", sunshine_minutes=None),
    )
    assert rejected(desk) == [("bad_number", "temperature_celsius: cold is not a number")]


def test_another_unit_is_refused_not_converted(desk, server):
    answer = columns(["2026-01-05T00:00"], units={"wind_speed_10m": "km/h"})
    server.answer = lambda path, params, attempt: ok(answer)
    [report] = open_meteo(desk, server).load("weather_observations", DAY)
    assert (report.rows_loaded, report.rows_quarantined) == (0, 2)
    assert {code for code, _ in rejected(desk)} == {"bad_mapping"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": True, "reason": "API key is invalid"}, "reports a failure"),
        (columns(["2026-01-05T00:00"], precipitation=[0.2, 0.3]), "not equally long"),
    ],
)
def test_an_answer_of_open_meteo_that_is_none_is_red(desk, server, answer, words):
    server.answer = lambda path, params, attempt: ok(answer)
    open_meteo(desk, server).feeds["w"]["retries"] = 0
    with pytest.raises(DeliveryError, match=words):
        desk.load("weather_observations", DAY)


def test_open_meteo_forecasts_lie_ahead(desk, server):
    times = [f"{now(hours):%Y-%m-%dT%H:%M}" for hours in (-2, 2)]
    server.answer = lambda path, params, attempt: ok(columns(times))
    today = now().date()
    [report] = open_meteo(desk, server, "open_meteo_forecast").load("weather_forecasts", today, now=now(1))
    assert (report.rows_loaded, report.rows_filtered) == (2, 2)
    facts = "valid_at, issued_at, wind_speed_ms, sunshine_minutes"
    assert desk.one(f"select distinct {facts} from raw.weather_forecasts") == (now(2), now(), 5.0, 30.0)
    [asked] = {(params["start_date"], params["end_date"]) for _, params, _ in server.requests}
    assert asked == (f"{today + timedelta(days=1)}", f"{today + timedelta(days=7)}")


def test_a_station_of_the_german_weather_service_as_wetterdienst_writes_it(desk):
    desk.write(
        "dwd_20260105.csv",
        "station_id,resolution,timestamp,temperature_air_temperature_air_2m,temperature_air_humidity_relative,"
        "precipitation_precipitation_amount,sun_sunshine_duration,wind_wind_speed_mean\n"
        "01048,hourly,2026-01-05T10:00:00.000000+0000,-1.5,0.9,0.2,1800.0,5.0\n"
        "01048,hourly,2026-01-05T11:00:00.000000+0000,-1.5,0.9,,1800.0,5.0\n"
        "01048,hourly,5 January,-1.5,0.9,0.2,1800.0,5.0\n",
    )
    desk.feeds = {"d": {"kind": "files", "preset": "dwd_wetterdienst", "path": "dwd_{day:%Y%m%d}.csv"}}
    [report] = desk.load("weather_observations", DAY)
    assert (report.rows_loaded, report.rows_quarantined) == (2, 1)
    assert loaded(desk, "weather_observations") == expected(
        "weather_observations",
        observed("01048", 2026, 1, 5, 10, source="dwd"),
        observed("01048", 2026, 1, 5, 11, source="dwd", precipitation_mm=None),
    )


def test_documented_feeds_are_valid(tmp_path, monkeypatch):
    """Every YAML block of the documentation can be pasted into a sources file."""
    for name in ("BLUESKY_URL", "BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD", "MASTODON_TOKEN"):
        monkeypatch.setenv(name, "https://x.example")
    page = Path(__file__).parents[3] / "docs" / "presets" / "social_weather.md"
    blocks = [part.split("```")[0] for part in page.read_text(encoding="utf-8").split("```yaml\n")[1:]]
    assert len(blocks) == 4
    feeds = "".join(f"  {line}\n" for block in blocks for line in block.splitlines())
    path = tmp_path / "sources.yaml"
    path.write_text(f"start: 2026-01-01\nfeeds:\n{feeds}", encoding="utf-8")
    entities = [feed.entity for feed in load_config(path).feeds]
    assert entities == [*["social_posts"] * 4, "weather_observations", "weather_forecasts"]
