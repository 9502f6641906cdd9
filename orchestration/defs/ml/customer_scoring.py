"""Each model of customers: what it reads, how it is fitted, which rows it gives. No Dagster import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ml.calibration import bin_interval
from ml.campaign_models import adjust_segments, measure
from ml.customer_scores import Scores, probabilities, train
from ml.customer_tastes import fit_tastes
from ml.customer_value import CustomerValue, forecast
from ml.uplift import MINIMUM_CUSTOMERS, targets
from ml.visit_stages import fit_next_steps

RECENT_DAYS = 7
HORIZON_DAYS, SHORT_DAYS = 365.0, 90.0
_SEED = 20260101
_CONSENT = "Trained on and given for people who agreed to analytics; nobody else has a score."
_TIME_ORDER = (
    "Judged on later rows only: the last three fifths, in order of time, are each predicted from what was known before "
    "they began; 95 % intervals from resampled persons."
)


@dataclass(frozen=True, slots=True)
class Fit:
    """What one fit gives.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Rows for tables of schema `ml`; `customer_scores` and the like hold those of this fit's models only.
    model : object or None
        For the model file: a dict of estimators, arrays and numbers.
    card : mapping of str to str
        Sections of the model card.
    """

    tables: Mapping[str, pd.DataFrame]
    model: Any
    card: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Task:
    """A model, or several that come of one fit.

    Attributes
    ----------
    name : str
        Of the fit and its file.
    models : tuple of str
        Names in `ml.customer_scores` and `ml.customer_models`.
    query : str
        SQL file below `defs/`.
    parameters : mapping
        Its parameters.
    fit : callable
        Rows of the query -> Fit.
    tables : tuple of str
        Tables it writes as a whole, beside its rows in the shared ones.
    rescore : callable or None
        Model from the file, rows of the query -> `unit_id` and `score`, to prove that the file is the model.
    """

    name: str
    models: tuple[str, ...]
    query: str
    fit: Callable[[pd.DataFrame], Fit]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    rescore: Callable[[Any, pd.DataFrame], pd.DataFrame] | None = None


@dataclass(frozen=True, slots=True)
class Classifier:
    """A yes-or-no question about a unit at a moment."""

    name: str
    question: str
    target: str
    time: str
    unit: str
    unit_type: str
    teaches: Callable[[pd.DataFrame], pd.Series]
    is_scored: Callable[[pd.DataFrame], pd.Series]
    horizon: pd.Timedelta
    limits: str
    negate: bool = False

    def fit(self, rows: pd.DataFrame) -> Fit:
        """Train on what is known, score what is not."""
        known = rows[self.teaches(rows)]
        frame = known.drop(columns=[name for name in ("is_recent", "is_known", self.unit) if name in known])
        if self.negate:
            frame[self.target] = ~frame[self.target].astype(bool)
        if len(frame) < 2 or frame[self.target].nunique() < 2:
            return Fit(_no_model(self.name, self.unit_type, len(frame)), None, {"Data": f"{len(frame)} rows: too few."})
        scores = train(
            frame,
            target=self.target,
            time=self.time,
            unit="person_id",
            horizon=self.horizon,
            rng=np.random.default_rng(_SEED),
        )
        given = self.rescore({"model": scores.model, "features": list(scores.features)}, rows)
        low, high = bin_interval(scores.calibration, given["score"])
        given = given.assign(
            model=self.name, unit_type=self.unit_type, score_low=low, score_high=high, label=None, next_step=None
        )
        figures = scores.to_frame().assign(model=self.name, unit_type=self.unit_type, score_unit="probability")
        tables = {
            "customer_scores": given if scores.verdict == "supported" else given.iloc[:0],
            "customer_models": figures,
            "customer_calibration": scores.calibration.assign(model=self.name),
        }
        model = {"model": scores.model, "features": list(scores.features)}
        return Fit(tables, model, self._card(scores, frame))

    def rescore(self, stored: Any, rows: pd.DataFrame) -> pd.DataFrame:
        """Scores of the rows that are to be scored, by a model as it is kept."""
        asked = rows[self.is_scored(rows)].reset_index(drop=True)
        chances = probabilities(stored["model"], asked, stored["features"]) if len(asked) else np.empty(0)
        return pd.DataFrame(
            {"unit_id": asked[self.unit], "person_id": asked["person_id"], "score": chances.astype(float)}
        )

    def _card(self, scores: Scores, frame: pd.DataFrame) -> dict[str, str]:
        first, last = frame[self.time].min(), frame[self.time].max()
        drivers = scores.drivers.head(8).to_markdown(index=False, floatfmt=".2f")
        return {
            "Question": self.question,
            "Data": f"{scores.rows} rows from {first:%Y-%m-%d} to {last:%Y-%m-%d}, {scores.positives} positive; "
            f"{len(scores.features)} features as of the cut-off. {_CONSENT}",
            "Method": "Logistic regression on ranks and categories (scikit-learn), level of the latest quarter. "
            + _TIME_ORDER,
            "Metrics": f"Verdict: {scores.verdict}. "
            f"AUC {scores.auc:.3f} [{scores.auc_low:.3f}, {scores.auc_high:.3f}], "
            f"average precision {scores.average_precision:.3f} at a base rate of {scores.base_rate:.3f}, observed per "
            f"predicted {scores.ratio:.2f} [{scores.ratio_low:.2f}, {scores.ratio_high:.2f}], AUC on shuffled labels "
            f"{scores.shuffled_auc:.3f}.\n\nStrongest features (change of the log-odds):\n\n{drivers}",
            "Limits": f"{self.limits} Says what will happen, not what a campaign would change.",
        }


INTENT = Classifier(
    name="purchase_intent",
    question="Will this visit still end in an order, given its events up to page 1, 3, 6 or 10?",
    target="is_converted",
    time="cut_off_at",
    unit="session_id",
    unit_type="visit",
    teaches=lambda rows: pd.Series(True, index=rows.index),
    is_scored=lambda rows: rows["is_recent"],
    horizon=pd.Timedelta(days=1),
    limits="Orders after the visit do not count. What changed lately, a broken checkout, is learnt with delay.",
)
ABANDONMENT = replace(
    INTENT,
    name="basket_abandonment",
    question="Will the visit end without an order, given its events up to the first product in the basket?",
    limits="Baskets bought in a later visit count as abandoned.",
    negate=True,
)
RETURNS = Classifier(
    name="return_risk",
    question="Will this order line come back, given what was known when it was ordered?",
    target="is_returned",
    time="ordered_at",
    unit="unit_id",
    unit_type="order_line",
    teaches=lambda rows: rows["is_known"],
    is_scored=lambda rows: ~rows["is_known"] & ~rows["is_returned"],
    horizon=pd.Timedelta(days=30),
    limits="Lines older than the time for returns teach. Quality problems of a single delivery are unknown to it.",
)


def fit_values(rows: pd.DataFrame) -> Fit:
    """Orders to come, whether a customer orders again soon, contribution margin, and churn."""
    if len(rows) == 0:
        parts = [_no_model(name, "person", 0) for name in _VALUES]
        return Fit(_stack(parts), None, {"Data": "no orders"})
    value = forecast(
        rows,
        customer="person_id",
        time="ordered_at",
        margin="margin_eur",
        until=rows["until"].iloc[0],
        horizon_days=HORIZON_DAYS,
        short_days=SHORT_DAYS,
        rng=np.random.default_rng(_SEED),
    )
    model = value.orders_model
    if model is None:
        return Fit(_stack([_no_model(name, "person", len(rows)) for name in _VALUES]), None, {"Data": "too few orders"})
    customers = value.customers
    leaves = customers["probability_alive"]
    columns = {
        "reorder": (customers["any_order"], customers["any_order_low"], customers["any_order_high"], value.verdict),
        "expected_orders": (customers["orders"], customers["orders_low"], customers["orders_high"], value.verdict),
        "customer_value": (customers["value"], customers["value_low"], customers["value_high"], value.verdict),
        "churn": (
            1 - leaves,
            1 - customers["alive_high"],
            1 - customers["alive_low"],
            # parameters of leaving that are not pinned down say nothing of who has left
            value.verdict if model.verdict == "supported" else "not identified",
        ),
    }
    scores, figures = [], []
    for name, (score, low, high, verdict) in columns.items():
        rows_of = pd.DataFrame(
            {
                "unit_id": customers.index, "person_id": customers.index, "score": np.asarray(score),
                "score_low": np.asarray(np.minimum(low, score)), "score_high": np.asarray(np.maximum(high, score)),
            }
        ).assign(model=name, unit_type="person", label=None, next_step=None)  # fmt: skip
        scores.append(rows_of if verdict == "supported" else rows_of.iloc[:0])
        figures.append(
            _figures(name, "person", len(rows), verdict, score_unit=_VALUES[name])
            | ({"auc": value.auc, "validated": int(value.validation["rows"].sum())} if name == "reorder" else {})
            | {"ratio": value.value_ratio if name == "customer_value" else value.ratio if name != "churn" else np.nan}
        )
    stored = {
        "r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b, "margin_mean": value.margin_mean,
        "margin_between": value.margin_between, "margin_within": value.margin_within,
    }  # fmt: skip
    tables = {
        "customer_scores": pd.concat(scores, ignore_index=True),
        "customer_models": pd.DataFrame(figures),
        "customer_calibration": value.validation.assign(model="reorder"),
    }
    return Fit(tables, stored, _value_card(value, rows))


#: Models of one fit, and the unit of their scores.
_VALUES = {"reorder": "probability", "expected_orders": "orders", "customer_value": "eur", "churn": "probability"}


def _value_card(value: CustomerValue, rows: pd.DataFrame) -> dict[str, str]:
    model = value.orders_model
    assert model is not None
    return {
        "Question": "How often will a customer order in a year, in 90 days at all, and what margin will that leave?",
        "Data": f"{len(rows)} orders of {len(value.customers)} customers. {_CONSENT}",
        "Method": "BG/NBD for orders (r {:.3f}, alpha {:.1f}, a {:.3f}, b {:.3f}); margins by a normal-normal model: "
        "margins net of returns may be negative; futures drawn from the posterior. The last 90 days were forecast from "
        "what was known before.".format(*model.parameters),
        "Metrics": f"Verdict: {value.verdict}. "
        f"Observed per expected: orders {value.ratio:.2f}, margin {value.value_ratio:.2f}; "
        f"inside their 95 % interval {value.coverage:.3f}, AUC of ordering at all {value.auc:.3f}, parameters "
        f"of leaving: {model.verdict}.",
        "Limits": "No season and no trend: forecasts are those of an average day. Orders before the first delivery are "
        "unknown. Margin is taken to be independent of how often somebody orders.",
    }


def fit_tastes_of(rows: pd.DataFrame) -> Fit:
    """Brand-loyal, price-sensitive or neutral, from searches and filters."""
    if len(rows) == 0:
        return Fit({**_no_model("search_taste", "person", 0), "search_tastes": pd.DataFrame()}, None, {"Data": "none"})
    tastes = fit_tastes(rows)
    best = tastes.posterior.max(axis=1)
    scores = pd.DataFrame(
        {
            "unit_id": rows["person_id"], "person_id": rows["person_id"], "score": best,
            # the posterior is the uncertainty: the kinds themselves are known to a hair
            "score_low": best, "score_high": best, "label": tastes.segment,
        }
    ).assign(model="search_taste", unit_type="person", next_step=None)  # fmt: skip
    figures = _figures(
        "search_taste", "person", int(rows[["price", "brand", "other"]].to_numpy().sum()), tastes.verdict
    )
    tables = {
        "customer_scores": scores if tastes.verdict == "supported" else scores.iloc[:0],
        "customer_models": pd.DataFrame([figures]),
        "search_tastes": tastes.to_frame().assign(verdict=tastes.verdict),
    }
    shown = tastes.to_frame().to_markdown(index=False, floatfmt=".3f")
    card = {
        "Question": "Does this person look for brands or for prices?",
        "Data": f"Searches and filters of {len(rows)} persons. {_CONSENT}",
        "Method": "Mixture of three multinomials by expectation-maximisation, without labels; a person belongs to a "
        "segment from a posterior of 80 % on.",
        "Metrics": f"Verdict: {tastes.verdict}. BIC against one kind only: {tastes.gain:.0f} lower.\n\n{shown}",
        "Limits": "Somebody who searched once is seldom decided. What is searched for a present counts as own taste.",
    }
    return Fit(tables, {"shares": tastes.shares, "signals": tastes.signals}, card)


def fit_stages(rows: pd.DataFrame) -> Fit:
    """AIDA stage and likely next step of visits, anonymous ones included."""
    if len(rows) == 0:
        return Fit({**_no_model("visit_stage", "visit", 0), "visit_next_steps": pd.DataFrame()}, None, {"Data": "none"})
    steps = fit_next_steps(rows, visit="session_id", time="entered_at", stage="stage", next_step="next_step")
    # Where a visit of the last days stood when it was last seen: asked before anybody knows that it ends there.
    now = rows[rows["is_now"]].drop_duplicates("session_id", keep="last").reset_index(drop=True)
    likely = steps.likely(now["stage"])
    scores = pd.DataFrame(
        {
            "unit_id": now["session_id"], "person_id": now["person_id"], "score": likely["probability"],
            "score_low": likely["low"], "score_high": likely["high"],
            "label": now["aida"].where(now["aida"].notna(), "L"), "next_step": likely["next_step"],
        }
    ).assign(model="visit_stage", unit_type="visit")  # fmt: skip
    tables = {
        "customer_scores": scores if steps.verdict == "supported" else scores.iloc[:0],
        "customer_models": pd.DataFrame([_figures("visit_stage", "visit", len(rows), steps.verdict)]),
        "visit_next_steps": steps.to_frame(),
    }
    card = {
        "Question": "Where does a visit stand (AIDA), and what comes next?",
        "Data": f"{len(rows)} stages entered in {rows['session_id'].nunique()} visits. {_CONSENT}",
        "Method": "First-order Markov chain between the phases of the journey, the order and leaving.",
        "Metrics": f"Verdict: {steps.verdict}. Held-out log-likelihood per move {steps.gain:.3f} "
        f"[{steps.gain_low:.3f}, {steps.gain_high:.3f}] nats above chances that ignore the stage.",
        "Limits": "Only the present stage counts, not how the visitor came there or how long it took.",
    }
    table = steps.to_frame()
    stored = {
        name: table[name].to_numpy(dtype=object if table[name].dtype.kind not in "if" else None) for name in table
    }
    return Fit(tables, {name: list(values) for name, values in stored.items()}, card)


def fit_campaigns(rows: pd.DataFrame) -> Fit:
    """Uplift, response and drop-off of every on-site experiment, per device too, and whether choosing pays."""
    effects, targeting = [], []
    experiment: Any
    campaign: Any
    for (experiment, campaign), units in rows.groupby(["experiment_id", "campaign_id"], dropna=False):
        segments = {"all": units} | {f"device={name}": part for name, part in units.groupby("device_type")}
        parts = []
        for segment, part in segments.items():
            for kind, outcome, asked in (
                ("uplift", "margin_eur", part),
                ("response", "is_response", part),
                ("drop_off", "is_dropped", part[part["has_base"] > 0]),
            ):
                if len(asked):
                    parts.append(
                        measure(asked, outcome=outcome, arm="arm", kind=kind).to_frame().assign(segment=segment)
                    )
        judged = pd.concat(parts, ignore_index=True).groupby("kind", group_keys=False)[parts[0].columns.tolist()]
        effects.append(judged.apply(adjust_segments).assign(experiment_id=experiment, campaign_id=campaign))
        sizes = units["arm"].value_counts()
        if len(sizes) == 2 and "control" in sizes and sizes.min() >= MINIMUM_CUSTOMERS:
            chosen = targets(
                units, outcome="margin_eur", arm="arm", control="control", unit_cost=0.0, margin_share=1.0,
                covariates=["is_mobile", "earlier_visits", "earlier_orders"], cluster="person_id",
                rng=np.random.default_rng(_SEED),
            )  # fmt: skip
            names = ("qini", "qini_low", "qini_high", "gain", "gain_low", "gain_high", "verdict")
            about = {name: getattr(chosen, name) for name in names}
            targeting.append(about | {"experiment_id": experiment, "units": len(units)})
    tables = {
        "campaign_effects": pd.concat(effects, ignore_index=True) if effects else pd.DataFrame(),
        "campaign_targeting": pd.DataFrame(targeting),
    }
    return Fit(tables, None, {})


def _figures(model: str, unit_type: str, rows: int, verdict: str, score_unit: str = "probability") -> dict[str, Any]:
    return {"model": model, "unit_type": unit_type, "score_unit": score_unit, "rows": rows, "verdict": verdict}


def _no_model(name: str, unit_type: str, rows: int) -> dict[str, pd.DataFrame]:
    figures = pd.DataFrame([_figures(name, unit_type, rows, "not enough data")])
    return {"customer_scores": pd.DataFrame(), "customer_models": figures, "customer_calibration": pd.DataFrame()}


def _stack(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


_VISITS = {"recent_days": RECENT_DAYS}
TASKS: tuple[Task, ...] = (
    Task(
        "purchase_intent", ("purchase_intent",), "ml/customers_visits.sql", INTENT.fit,
        {**_VISITS, "cut_offs": ["page 1", "page 3", "page 6", "page 10"]}, rescore=INTENT.rescore,
    ),
    Task(
        "basket_abandonment", ("basket_abandonment",), "ml/customers_visits.sql", ABANDONMENT.fit,
        {**_VISITS, "cut_offs": ["basket"]}, rescore=ABANDONMENT.rescore,
    ),
    Task("return_risk", ("return_risk",), "ml/customers_order_lines.sql", RETURNS.fit, rescore=RETURNS.rescore),
    Task("customer_value", tuple(_VALUES), "ml/customers_orders.sql", fit_values),
    Task(
        "search_taste", ("search_taste",), "ml/customers_searches.sql", fit_tastes_of, tables=("search_tastes",)
    ),
    Task("visit_stage", ("visit_stage",), "ml/customers_moves.sql", fit_stages, _VISITS, ("visit_next_steps",)),
    Task(
        "campaigns", (), "ml/customers_campaign_units.sql", fit_campaigns,
        tables=("campaign_effects", "campaign_targeting"),
    ),
)  # fmt: skip
