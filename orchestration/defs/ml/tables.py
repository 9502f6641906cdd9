"""The tables of schema `ml` as Arrow schemas: what models write, dbt reads and dashboards show. No Dagster import."""

from __future__ import annotations

import duckdb
import pyarrow as pa

_TEXT, _DATE, _COUNT, _NUMBER = pa.string(), pa.date32(), pa.int64(), pa.float64()
_INSTANT = pa.timestamp("us", tz="UTC")


TABLES: dict[str, pa.Schema] = {
    # One row per window x model x level x channel x campaign (campaign '' on level channel).
    "channel_credits": pa.schema(
        [
            ("window_name", _TEXT),
            ("window_start", _DATE),
            ("window_end", _DATE),
            ("model", _TEXT),
            ("level", _TEXT),
            ("channel", _TEXT),
            ("campaign_id", _TEXT),
            ("conversions", _NUMBER),
            ("conversions_low", _NUMBER),
            ("conversions_high", _NUMBER),
            ("revenue_eur", _NUMBER),
            ("revenue_low", _NUMBER),
            ("revenue_high", _NUMBER),
            ("margin_eur", _NUMBER),
            ("share", _NUMBER),
            ("share_low", _NUMBER),
            ("share_high", _NUMBER),
            ("removal_effect", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
    # One row per window x segment x node of the journey map: the absorbing chain, solved.
    "journey_map_nodes": pa.schema(
        [
            ("window_name", _TEXT),
            ("window_start", _DATE),
            ("window_end", _DATE),
            ("segment", _TEXT),
            ("node", _TEXT),
            ("conversion_probability", _NUMBER),
            ("conversion_probability_low", _NUMBER),
            ("conversion_probability_high", _NUMBER),
            ("expected_steps", _NUMBER),
            ("expected_visits", _NUMBER),
            ("contribution", _NUMBER),
            ("contribution_low", _NUMBER),
            ("contribution_high", _NUMBER),
            ("critical_step", _COUNT),
            ("verdict", _TEXT),
        ]
    ),
    # One row per category x region x weather variable x lag: does sales bend with the weather, and where?
    "weather_effects": pa.schema(
        [
            ("category", _TEXT),
            ("region", _TEXT),
            ("variable", _TEXT),
            ("lag_days", _COUNT),
            ("threshold", _NUMBER),
            ("threshold_low", _NUMBER),
            ("threshold_high", _NUMBER),
            ("slope_below", _NUMBER),
            ("slope_below_low", _NUMBER),
            ("slope_below_high", _NUMBER),
            ("slope_above", _NUMBER),
            ("slope_above_low", _NUMBER),
            ("slope_above_high", _NUMBER),
            ("correlation", _NUMBER),
            ("p_value", _NUMBER),
            ("q_value", _NUMBER),
            ("days", _COUNT),
            ("days_beyond", _COUNT),
            ("out_of_time_gain", _NUMBER),
            ("verdict", _TEXT),
            ("sentence_de", _TEXT),
            ("sentence_en", _TEXT),
        ]
    ),
    # One row per point of the fitted line of a pair in weather_effects.
    "weather_curves": pa.schema(
        [
            ("category", _TEXT),
            ("region", _TEXT),
            ("variable", _TEXT),
            ("lag_days", _COUNT),
            ("x", _NUMBER),
            ("y_fitted", _NUMBER),
            ("y_low", _NUMBER),
            ("y_high", _NUMBER),
        ]
    ),
    # One row per public post that a configured model has scored.
    "post_sentiments": pa.schema(
        [("post_id", _TEXT), ("sentiment", _NUMBER), ("backend", _TEXT), ("text_hash", _TEXT)]
    ),
    # One row per model x figure of the last fit.
    "model_runs": pa.schema(
        [
            ("model", _TEXT),
            ("version", _TEXT),
            ("data_version", _TEXT),
            ("trained_at", _INSTANT),
            ("rows", _COUNT),
            ("metric", _TEXT),
            ("value", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
}


def create_ml_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make sure that every table exists with its columns, so that dbt can read it before a model has written it.

    A table with other columns is one of an earlier version: it is derived, so it is emptied, and the next fit fills it.
    """
    connection.execute("create schema if not exists ml")
    existing = dict(
        connection.execute(
            "select table_name, list(column_name order by ordinal_position) from information_schema.columns "
            "where table_schema = 'ml' group by all"
        ).fetchall()
    )
    for name, schema in TABLES.items():
        if existing.get(name) != schema.names:
            connection.register("_empty", schema.empty_table())
            connection.execute(f'create or replace table ml."{name}" as from _empty')
            connection.unregister("_empty")
