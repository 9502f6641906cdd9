"""The tables of schema `ml` as Arrow schemas: what models write, dbt reads and dashboards show. No Dagster import."""

from __future__ import annotations

import duckdb
import pyarrow as pa

_TEXT, _DATE, _COUNT, _NUMBER = pa.string(), pa.date32(), pa.int64(), pa.float64()
#: What `ml.weather_effect.WeatherEffect` says of a pair of series.
_FINDING = (
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
)
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
    # One row per window x segment x node that loses journeys x place they could go to instead: what that would change.
    "journey_map_what_ifs": pa.schema(
        [
            ("window_name", _TEXT),
            ("window_start", _DATE),
            ("window_end", _DATE),
            ("segment", _TEXT),
            ("node", _TEXT),
            ("target", _TEXT),
            ("lost", _NUMBER),
            ("gain", _NUMBER),
            ("gain_low", _NUMBER),
            ("gain_high", _NUMBER),
            ("return_visits", _NUMBER),
        ]
    ),
    # One row per phase model x phase x parameter whose direction the seed gives: do the shop's own visits agree?
    "cji_directions": pa.schema(
        [
            ("phase_model", _TEXT),
            ("phase", _COUNT),
            ("parameter", _TEXT),
            ("direction", _COUNT),
            ("outcome", _TEXT),
            ("visits", _COUNT),
            ("outcome_share", _NUMBER),
            ("log_odds", _NUMBER),
            ("log_odds_low", _NUMBER),
            ("log_odds_high", _NUMBER),
            ("p_value", _NUMBER),
            ("is_kept", pa.bool_()),
            ("verdict", _TEXT),
            ("first_day", _DATE),
            ("last_day", _DATE),
        ]
    ),
    # One row per category x region x weather variable x lag: does sales bend with the weather, and where?
    "weather_effects": pa.schema(
        [
            ("category", _TEXT),
            ("region", _TEXT),
            ("variable", _TEXT),
            *_FINDING,
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
    # One row per external x internal series of the whole company: do they move together beyond the season?
    "series_effects": pa.schema(
        [
            ("outcome", _TEXT),
            ("variable", _TEXT),
            *_FINDING,
        ]
    ),
    # One row per public post that a configured model has scored.
    "post_sentiments": pa.schema(
        [("post_id", _TEXT), ("sentiment", _NUMBER), ("backend", _TEXT), ("text_hash", _TEXT)]
    ),
    # One row per scored unit (visit, order line, person) x model; single persons: not published.
    "customer_scores": pa.schema(
        [
            ("as_of_date", _DATE),
            ("model", _TEXT),
            ("unit_type", _TEXT),
            ("unit_id", _TEXT),
            ("person_id", _TEXT),
            ("score", _NUMBER),
            ("score_low", _NUMBER),
            ("score_high", _NUMBER),
            ("label", _TEXT),
            ("next_step", _TEXT),
        ]
    ),
    # One row per model of customers: how it did out of time.
    "customer_models": pa.schema(
        [
            ("model", _TEXT),
            ("unit_type", _TEXT),
            ("score_unit", _TEXT),
            ("rows", _COUNT),
            ("positives", _COUNT),
            ("validated", _COUNT),
            ("auc", _NUMBER),
            ("auc_low", _NUMBER),
            ("auc_high", _NUMBER),
            ("average_precision", _NUMBER),
            ("base_rate", _NUMBER),
            ("ratio", _NUMBER),
            ("ratio_low", _NUMBER),
            ("ratio_high", _NUMBER),
            ("shuffled_auc", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
    # One row per model x tenth of the validated units by score.
    "customer_calibration": pa.schema(
        [
            ("model", _TEXT),
            ("bin", _COUNT),
            ("rows", _COUNT),
            ("predicted", _NUMBER),
            ("observed", _NUMBER),
            ("observed_low", _NUMBER),
            ("observed_high", _NUMBER),
        ]
    ),
    # One row per stage of a visit x next step.
    "visit_next_steps": pa.schema(
        [
            ("stage", _TEXT),
            ("next_step", _TEXT),
            ("moves", _COUNT),
            ("probability", _NUMBER),
            ("low", _NUMBER),
            ("high", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
    # One row per segment of searchers.
    "search_tastes": pa.schema(
        [
            ("segment", _TEXT),
            ("share", _NUMBER),
            ("price", _NUMBER),
            ("brand", _NUMBER),
            ("other", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
    # One row per on-site experiment x kind of effect x segment (all, or of one device).
    "campaign_effects": pa.schema(
        [
            ("experiment_id", _TEXT),
            ("campaign_id", _TEXT),
            ("kind", _TEXT),
            ("segment", _TEXT),
            ("treated", _COUNT),
            ("controls", _COUNT),
            ("control_level", _NUMBER),
            ("effect", _NUMBER),
            ("effect_low", _NUMBER),
            ("effect_high", _NUMBER),
            ("relative", _NUMBER),
            ("relative_low", _NUMBER),
            ("relative_high", _NUMBER),
            ("p_value", _NUMBER),
            ("q_value", _NUMBER),
            ("sample_ratio_p_value", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
    # One row per on-site experiment: whether choosing visitors by their uplift earns more than showing it to all.
    "campaign_targeting": pa.schema(
        [
            ("experiment_id", _TEXT),
            ("units", _COUNT),
            ("qini", _NUMBER),
            ("qini_low", _NUMBER),
            ("qini_high", _NUMBER),
            ("gain", _NUMBER),
            ("gain_low", _NUMBER),
            ("gain_high", _NUMBER),
            ("verdict", _TEXT),
        ]
    ),
    # One row per person who agreed to be addressed x rank of a campaign; single persons: not published.
    "next_best_campaigns": pa.schema(
        [
            ("person_id", _TEXT),
            ("rank", _COUNT),
            ("campaign", _TEXT),
            ("trigger", _TEXT),
            ("phase", _COUNT),
            ("segment", _TEXT),
            ("expected_margin_eur", _NUMBER),
            ("margin_low", _NUMBER),
            ("margin_high", _NUMBER),
            ("reason", _TEXT),
        ]
    ),
    # One row per model that is fitted only when its inputs or its code changed (refit.py).
    "model_fits": pa.schema(
        [
            ("model", _TEXT),
            ("inputs_hash", _TEXT),
            ("code_version", _TEXT),
            ("trained_at", _INSTANT),
            ("file", _TEXT),
            ("file_sha256", _TEXT),
            ("card", _TEXT),
        ]
    ),
    # One row per mailing (`all` = those with a holdout together) x dimension x segment x pair of arms.
    "catalog_effects": pa.schema(
        [
            ("mailing_id", _TEXT),
            ("dimension", _TEXT),
            ("segment", _TEXT),
            ("treated_arm", _TEXT),
            ("control_arm", _TEXT),
            ("is_increment", pa.bool_()),
            ("treated", _COUNT),
            ("controls", _COUNT),
            ("unit_cost", _NUMBER),
            ("margin_share", _NUMBER),
            ("effect", _NUMBER),
            ("effect_low", _NUMBER),
            ("effect_high", _NUMBER),
            ("standard_error", _NUMBER),
            ("naive", _NUMBER),
            ("profit", _NUMBER),
            ("profit_low", _NUMBER),
            ("profit_high", _NUMBER),
            ("profit_p_value", _NUMBER),
            ("q_value", _NUMBER),
            ("break_even", _NUMBER),
            ("matchback", _NUMBER),
            ("matchback_profit", _NUMBER),
            ("matchback_overstates", _NUMBER),
            ("method", _TEXT),
            ("is_randomised", pa.bool_()),
            ("variance_reduction", _NUMBER),
            ("sample_ratio_p_value", _NUMBER),
            ("balance_p_value", _NUMBER),
            ("overlap", _NUMBER),
            ("placebo", _NUMBER),
            ("placebo_low", _NUMBER),
            ("placebo_high", _NUMBER),
            ("robustness", _NUMBER),
            ("hidden_strongest", _TEXT),
            ("hidden_profit_low", _NUMBER),
            ("hidden_profit_high", _NUMBER),
            ("verdict", _TEXT),
            ("recommendation", _TEXT),
            ("input_hash", _TEXT),
        ]
    ),
    # One row per mailing x pair of arms x trait known before the list was drawn: are the arms alike?
    "catalog_balance": pa.schema(
        [
            ("mailing_id", _TEXT),
            ("treated_arm", _TEXT),
            ("control_arm", _TEXT),
            ("covariate", _TEXT),
            ("difference", _NUMBER),
            ("difference_weighted", _NUMBER),
        ]
    ),
    # One row per customer who may be mailed next: what mailing him is expected to add.
    "catalog_targets": pa.schema(
        [
            ("customer_key", _TEXT),
            ("treated_arm", _TEXT),
            ("unit_cost", _NUMBER),
            ("uplift", _NUMBER),
            ("uplift_low", _NUMBER),
            ("uplift_high", _NUMBER),
            ("expected_margin", _NUMBER),
            ("expected_profit", _NUMBER),
            ("mail", pa.bool_()),
        ]
    ),
    # One row per share of customers mailed, best first, measured on customers the model had not seen.
    "catalog_curve": pa.schema(
        [
            ("treated_arm", _TEXT),
            ("share", _NUMBER),
            ("uplift", _NUMBER),
            ("profit", _NUMBER),
            ("profit_low", _NUMBER),
            ("profit_high", _NUMBER),
            ("added", _NUMBER),
            ("added_low", _NUMBER),
            ("added_high", _NUMBER),
            ("added_at_random", _NUMBER),
        ]
    ),
    # One row: how well choosing whom to mail works, and what it was learned from.
    "catalog_targeting": pa.schema(
        [
            ("treated_arm", _TEXT),
            ("mailings", _COUNT),
            ("rows", _COUNT),
            ("unit_cost", _NUMBER),
            ("margin_share", _NUMBER),
            ("qini", _NUMBER),
            ("qini_low", _NUMBER),
            ("qini_high", _NUMBER),
            ("cut_off_share", _NUMBER),
            ("profit_chosen", _NUMBER),
            ("profit_all", _NUMBER),
            ("gain", _NUMBER),
            ("gain_low", _NUMBER),
            ("gain_high", _NUMBER),
            ("slope", _NUMBER),
            ("slope_low", _NUMBER),
            ("slope_high", _NUMBER),
            ("learner", _TEXT),
            ("verdict", _TEXT),
            ("input_hash", _TEXT),
        ]
    ),
    # One row per advertising channel: its response curve, its return on spend, its verdict. Amounts are per day.
    "response_channels": pa.schema(
        [
            ("channel", _TEXT),
            ("outcome", _TEXT),
            ("first_date", _DATE),
            ("last_date", _DATE),
            ("days", _COUNT),
            ("adstock_kind", _TEXT),
            ("adstock", _NUMBER),
            ("weibull_shape", _NUMBER),
            ("saturation_kind", _TEXT),
            ("half_saturation", _NUMBER),
            ("slope", _NUMBER),
            ("effect", _NUMBER),
            ("effect_low", _NUMBER),
            ("effect_high", _NUMBER),
            ("spend", _NUMBER),
            ("contribution", _NUMBER),
            ("contribution_low", _NUMBER),
            ("contribution_high", _NUMBER),
            ("roas", _NUMBER),
            ("roas_low", _NUMBER),
            ("roas_high", _NUMBER),
            ("marginal_roas", _NUMBER),
            ("marginal_roas_low", _NUMBER),
            ("marginal_roas_high", _NUMBER),
            ("margin_share", _NUMBER),
            ("identified", pa.bool_()),
            ("active_periods", _COUNT),
            ("own_variation", _NUMBER),
            ("placebo_p", _NUMBER),
            ("reverse_p", _NUMBER),
            ("planned_share", _NUMBER),
            ("planned_p", _NUMBER),
            ("has_experiment", pa.bool_()),
            ("verdict", _TEXT),
            ("reason", _TEXT),
        ]
    ),
    # One row per channel x level of spend.
    "response_curves": pa.schema(
        [
            ("channel", _TEXT),
            ("spend_eur", _NUMBER),
            ("response", _NUMBER),
            ("response_low", _NUMBER),
            ("response_high", _NUMBER),
            ("marginal_return", _NUMBER),
            ("is_current", pa.bool_()),
            ("is_observed", pa.bool_()),
        ]
    ),
    # One row per channel x draw x level of spend: what intervals of sums over channels are made of.
    "response_draws": pa.schema([("channel", _TEXT), ("draw", _COUNT), ("spend_eur", _NUMBER), ("response", _NUMBER)]),
    # One row per scenario x channel: the proposed split of a budget.
    "budget_allocation": pa.schema(
        [
            ("scenario", _TEXT),
            ("channel", _TEXT),
            ("current_spend", _NUMBER),
            ("proposed_spend", _NUMBER),
            ("lower_limit", _NUMBER),
            ("upper_limit", _NUMBER),
            ("is_moved", pa.bool_()),
            ("current_response", _NUMBER),
            ("proposed_response", _NUMBER),
            ("gain", _NUMBER),
            ("gain_low", _NUMBER),
            ("gain_high", _NUMBER),
            ("total_spend", _NUMBER),
            ("total_gain", _NUMBER),
            ("total_gain_low", _NUMBER),
            ("total_gain_high", _NUMBER),
            ("verdict", _TEXT),
            ("reason", _TEXT),
        ]
    ),
    # One row per incident of the last year: a fall in progress that chance does not explain.
    "cji_incidents": pa.schema(
        [
            ("phase_model", _TEXT),
            ("phase", _COUNT),
            ("segment", _TEXT),
            ("first_day", _DATE),
            ("last_day", _DATE),
            ("is_open", pa.bool_()),
            ("visits", _COUNT),
            ("progress_share", _NUMBER),
            ("normal_share", _NUMBER),
            ("lost_progress", _NUMBER),
            ("lost_value", _NUMBER),
            ("p_value", _NUMBER),
        ]
    ),
    # One row per phase model: what the index adds to the prediction of the next window's conversion.
    "cji_predictions": pa.schema(
        [
            ("phase_model", _TEXT),
            ("rows", _COUNT),
            ("judged_days", _COUNT),
            ("error_persistence", _NUMBER),
            ("error_without", _NUMBER),
            ("error_with", _NUMBER),
            ("gain", _NUMBER),
            ("gain_low", _NUMBER),
            ("gain_high", _NUMBER),
            ("coefficient", _NUMBER),
            ("verdict", _TEXT),
        ]
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
