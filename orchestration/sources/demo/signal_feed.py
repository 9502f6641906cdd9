"""Weather as Bright Sky answers it and posts as a Mastodon timeline, both one JSON document per day."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np

from orchestration.sources.demo.assortment import REGIONS
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, stack, take
from orchestration.sources.demo.deliver import to_table, write_lines
from orchestration.sources.demo.story import Story
from orchestration.sources.demo.weather import GAP_LOCATION, Weather

FORECAST_DAYS = 2
FORECAST_STEP_HOURS = 3


def _iso(seconds: str, suffix: str) -> str:
    return f"strftime(make_timestamp({seconds} * 1000000), '%Y-%m-%dT%H:%M:%S{suffix}')"


def _sources(kind: str) -> str:
    return json.dumps(
        [
            {
                "id": region.station,
                "dwd_station_id": f"{region.station:05d}",
                "observation_type": kind,
                "lat": region.latitude,
                "lon": region.longitude,
                "station_name": region.station_name,
                "wmo_station_id": str(10_000 + region.station),
                "distance": 0.0,
            }
            for region in REGIONS
        ],
        ensure_ascii=False,
    )


def _documents(rows: Columns) -> Columns:
    """Mark the first row of each document: only the others follow a comma."""
    rows["is_first"] = np.r_[True, rows["delivery"][1:] != rows["delivery"][:-1]]
    return rows


_SEPARATOR = "CASE WHEN is_first THEN '' ELSE ',' || chr(10) END"
_MEASURES = """
    ',"temperature":' || temperature || ',"precipitation":' || precipitation || ',"sunshine":' || sunshine
    || ',"wind_speed":' || wind || ',"relative_humidity":' || humidity || ',"condition":"'
    || CASE WHEN precipitation > 0 THEN 'rain' ELSE 'dry' END || '"}'
"""


def _measures(weather: Weather, location: np.ndarray, hour: np.ndarray) -> Columns:
    return {
        "station": np.array([region.station for region in REGIONS])[location],
        "observed": weather.instants[hour],
        "temperature": weather.temperature[location, hour],
        "precipitation": weather.precipitation[location, hour],
        "sunshine": weather.sunshine[location, hour],
        "wind": weather.wind_kmh[location, hour],
        "humidity": weather.humidity[location, hour].astype(np.int64),
    }


def write_weather(
    con: duckdb.DuckDBPyConnection, directory: Path, clock: Clock, story: Story, weather: Weather, last: int
) -> None:
    """Write the observed hours of each day; one station is silent during the gap."""
    hours = len(weather.instants)
    hour, location = np.divmod(np.arange(hours * len(REGIONS)), len(REGIONS))
    day = weather.days[hour]
    silent = (location == GAP_LOCATION) & (day >= story.weather_gap[0]) & (day < story.weather_gap[1])
    kept = ~silent & (day < last)
    rows = {"delivery": day[kept]} | _measures(weather, location[kept], hour[kept])
    _write_answers(con, directory, clock, rows, last, file="brightsky", kind="historical")


def write_forecasts(
    con: duckdb.DuckDBPyConnection, directory: Path, clock: Clock, seed: int, weather: Weather, last: int
) -> None:
    """Write what was forecast each morning for the next days; the error grows with the distance."""
    rng = generator(seed, "forecasts")
    step = np.flatnonzero((clock.local(weather.instants) % 86400 // 3600) % FORECAST_STEP_HOURS == 0)
    parts = []
    for ahead in range(FORECAST_DAYS):
        hour = np.repeat(step, len(REGIONS))
        location = np.tile(np.arange(len(REGIONS)), len(step))
        issued = weather.days[hour] - ahead
        kept = issued >= 0
        rows = _measures(weather, location[kept], hour[kept])
        error = rng.normal(0, 0.7 + 0.9 * ahead, (len(REGIONS), clock.length))
        rows["temperature"] = np.round(rows["temperature"] + error[location[kept], weather.days[hour[kept]]], 1)
        rows["precipitation"] = np.round(rows["precipitation"] * rng.lognormal(0, 0.4, kept.sum()), 1)
        rows["issued"] = clock.midnights[issued[kept]] + 5 * 3600
        parts.append({"delivery": issued[kept]} | rows)
    table = stack(parts)
    table = take(table, np.flatnonzero(table["delivery"] < last))
    table = take(table, np.lexsort((table["station"], table["observed"], table["delivery"])))
    _write_answers(con, directory, clock, table, last, file="forecast", kind="forecast")


def _write_answers(
    con: duckdb.DuckDBPyConnection, directory: Path, clock: Clock, rows: Columns, last: int, *, file: str, kind: str
) -> None:
    """Write one answer of the API per day; forecasts say when they were issued."""
    con.register("rows", to_table(_documents(rows)))
    issued = f""" || '","issued_at":"' || {_iso("issued", "+00:00")}""" if "issued" in rows else ""
    line = f"""
        {_SEPARATOR} || '{{"timestamp":"' || {_iso("observed", "+00:00")}{issued}
        || '","source_id":' || station || {_MEASURES}
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_lines(
        con.sql(f"SELECT delivery, {line} AS line FROM rows ORDER BY delivery").to_arrow_table(),
        lambda day: directory / f"{file}_{clock.date(day):%Y%m%d}.json",
        0,
        last,
        header='{"weather":[\n',
        footer='\n],"sources":' + _sources(kind) + "}\n",
    )


def post_ids(posts: Columns) -> np.ndarray:
    """Mastodon ids: milliseconds shifted by 16 bits, so that they sort by time."""
    return (posts["time"] * 1000 << 16) + np.arange(length(posts)) % 65536


def write_posts(
    con: duckdb.DuckDBPyConnection, directory: Path, clock: Clock, seed: int, posts: Columns, last: int
) -> None:
    """Write the timeline of each day; some posts are seen again the day after, with more likes."""
    rng = generator(seed, "timeline")
    rows: Columns = {"delivery": clock.day_of(posts["time"]), "id": post_ids(posts)}
    rows |= {name: posts[name] for name in ("time", "author", "content", "likes", "reposts", "replies")}
    rows |= {name: posts[name].astype(object) for name in ("language", "topic")}
    again = take(rows, np.flatnonzero(rng.random(length(rows)) < 0.05))
    again["delivery"] = again["delivery"] + 1
    again["likes"] = again["likes"] + rng.poisson(2.0, length(again))
    rows = stack([rows, again])
    rows = take(rows, np.lexsort((-rows["id"], rows["delivery"])))
    rows = take(rows, np.flatnonzero(rows["delivery"] < last))
    con.register("rows", to_table(_documents(rows)))
    line = f"""
        {_SEPARATOR} || '{{"id":"' || id || '","created_at":"'
        || {_iso("time", ".000Z")} || '","in_reply_to_id":null,"sensitive":false,"visibility":"public","language":"'
        || language || '","uri":"https://social.example/users/nutzer' || author || '/statuses/' || id
        || '","url":"https://social.example/@nutzer' || author || '/' || id || '","replies_count":' || replies
        || ',"reblogs_count":' || reposts || ',"favourites_count":' || likes || ',"content":' || to_json(content)
        || ',"reblog":null,"account":{{"id":"' || (90000 + author) || '","username":"nutzer' || author
        || '","acct":"nutzer' || author || '@social.example","bot":false}},"media_attachments":[],"mentions":[],'
        || '"tags":[{{"name":"lindenhof"}},{{"name":"' || topic || '"}}],"emojis":[]}}'
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_lines(
        con.sql(f"SELECT delivery, {line} AS line FROM rows ORDER BY delivery").to_arrow_table(),
        lambda day: directory / f"timeline_{clock.date(day):%Y%m%d}.json",
        0,
        last,
        header="[\n",
        footer="\n]\n",
    )
