"""Tastes, values, next steps and campaigns: planted truths are found, and nothing is found where nothing is."""

import numpy as np
import pandas as pd
import pytest

from ml.campaign_models import adjust_segments, measure, next_best
from ml.customer_tastes import fit_tastes
from ml.customer_value import forecast, order_summary
from ml.visit_stages import fit_next_steps

UNTIL = pd.Timestamp("2026-12-01")


def searches(seed, count, kinds):
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, count, p=[0.25, 0.2, 0.55])
    number = rng.poisson(5, count)
    counts = np.array([rng.multinomial(n, kinds[k]) for n, k in zip(number, kind, strict=True)])
    return pd.DataFrame(counts, columns=["price", "brand", "other"]), kind


def test_tastes_are_found_without_labels():
    frame, kind = searches(1, 4000, [[0.7, 0.02, 0.28], [0.05, 0.65, 0.3], [0.15, 0.1, 0.75]])
    tastes = fit_tastes(frame)
    assert tastes.verdict == "supported"
    assert tastes.shares == pytest.approx([0.25, 0.2, 0.55], abs=0.04)
    names = np.array(["price_sensitive", "brand_loyal", "neutral"])
    decided = tastes.segment != "undecided"
    assert decided.mean() > 0.5
    assert (tastes.segment[decided] == names[kind[decided]]).mean() > 0.93
    # who never searched is not put anywhere
    assert (tastes.segment[frame.sum(axis=1) == 0] == "undecided").all()
    # a posterior is a probability: it comes true
    assert tastes.posterior.max(axis=1).mean() == pytest.approx(
        (tastes.posterior.argmax(axis=1) == kind).mean(), abs=0.02
    )


def test_one_kind_of_people_is_not_split_into_three():
    frame, _ = searches(2, 3000, [[0.3, 0.2, 0.5]] * 3)
    tastes = fit_tastes(frame)
    assert tastes.verdict == "not identified"
    assert set(tastes.segment) == {"undecided"}
    assert fit_tastes(frame.head(20)).verdict == "not enough data"
    with pytest.raises(ValueError, match="rows hold fractions"):
        fit_tastes(frame.assign(price=0.5))


def shop(seed, customers=1500, leaving=0.0, days=400):
    """Orders with known rates, margins by customer, and an honest future."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(customers):
        rate, worth = rng.gamma(1.2, 1 / 120), rng.normal(25, 15)
        now, first = rng.uniform(0, days * 0.6), True
        while now <= days + 200:
            rows.append((str(person), now, rng.normal(worth, 20)))
            if not first and rng.random() < leaving:
                break
            first = False
            now += rng.exponential(1 / rate)
    frame = pd.DataFrame(rows, columns=["person", "day", "margin"])
    return frame.assign(at=UNTIL + pd.to_timedelta(frame["day"] - days, unit="D"))


def value_of(orders, **changes):
    return forecast(orders, **{"customer": "person", "time": "at", "margin": "margin", "until": UNTIL} | changes)


@pytest.fixture(scope="module")
def valued():
    orders = shop(1, leaving=0.15)
    return orders, value_of(orders, horizon_days=200, draws=200)


def test_value_and_orders_come_as_forecast(valued):
    orders, value = valued
    later = orders[orders["at"] > UNTIL]
    assert value.verdict == "supported"
    came = later.groupby("person")["margin"].agg(["size", "sum"]).reindex(value.customers.index, fill_value=0)
    assert value.customers["orders"].sum() == pytest.approx(came["size"].sum(), rel=0.12)
    assert value.customers["value"].sum() == pytest.approx(came["sum"].sum(), rel=0.15)
    inside = (value.customers["value_low"] <= came["sum"]) & (came["sum"] <= value.customers["value_high"])
    assert inside.mean() >= 0.93
    assert (value.customers["value_low"] <= value.customers["value_high"]).all()


def test_nothing_after_the_end_is_looked_at(valued):
    orders, value = valued
    again = value_of(orders[orders["at"] <= UNTIL], horizon_days=200, draws=200)
    pd.testing.assert_frame_equal(value.customers, again.customers)


def test_margin_is_shrunk_towards_all_customers(valued):
    orders, value = valued
    summary = order_summary(orders, customer="person", time="at", margin="margin", until=UNTIL)
    own = summary["margin"] / summary["orders"]
    once = summary["orders"] == 1
    distance = (value.customers["margin_per_order"] - value.margin_mean).abs()
    assert (distance <= (own - value.margin_mean).abs() + 1e-9).all()
    assert distance[once].mean() < 0.6 * (own - value.margin_mean).abs()[once].mean()
    assert value.margin_mean == pytest.approx(25, abs=3)


def test_few_orders_are_not_enough():
    assert value_of(shop(3, customers=20)).verdict == "not enough data"


def test_two_orders_of_a_day_are_one_decision():
    orders = pd.DataFrame({"person": ["a", "a", "a"], "margin": [1.0, 2.0, 3.0]})
    orders["at"] = pd.to_datetime(["2026-11-01 09:00", "2026-11-01 18:00", "2026-11-11 12:00"])
    row = order_summary(orders, customer="person", time="at", margin="margin", until=UNTIL).loc["a"]
    assert (row["frequency"], row["recency"], row["T"], row["orders"], row["margin"]) == (1, 10, 30, 3, 6)


def walks(seed, count, chances):
    rng = np.random.default_rng(seed)
    rows = []
    for visit in range(count):
        stage = 0
        for step in range(30):
            nxt = rng.choice(5, p=chances[stage])
            name = ["1", "2", "3", "order", "leave"][nxt]
            rows.append((visit, UNTIL + pd.Timedelta(minutes=visit, seconds=step), str(stage + 1), name))
            if nxt >= 3:
                break
            stage = nxt
    return pd.DataFrame(rows, columns=["visit", "at", "stage", "next_step"])


def steps_of(moves):
    return fit_next_steps(moves, visit="visit", time="at", stage="stage", next_step="next_step")


def test_next_steps_are_the_counts_and_their_chances_the_truth():
    chances = [[0, 0.6, 0.1, 0, 0.3], [0.1, 0, 0.5, 0.1, 0.3], [0, 0.3, 0, 0.4, 0.3]]
    moves = walks(1, 2500, chances)
    steps = steps_of(moves)
    assert steps.verdict == "supported"
    table = steps.table
    assert table.groupby("stage")["probability"].sum().to_numpy() == pytest.approx([1, 1, 1])
    place = {"1": 0, "2": 1, "3": 2, "order": 3, "leave": 4}
    truth = np.array([chances[int(row.stage) - 1][place[row.next_step]] for row in table.itertuples()])
    assert np.abs(table["probability"] - truth).max() < 0.03
    assert ((table["low"] <= truth + 0.004) & (truth <= table["high"])).mean() > 0.9
    for row in table.itertuples():
        assert row.moves == ((moves["stage"] == row.stage) & (moves["next_step"] == row.next_step)).sum()
    likely = steps.likely(pd.Series(["1", "3", "9"]))
    assert likely["next_step"].tolist()[:2] == ["2", "order"]
    assert likely["probability"].isna().tolist() == [False, False, True]


def test_a_stage_that_says_nothing_is_not_called_a_forecast():
    moves = walks(2, 1500, [[0.2, 0.2, 0.2, 0.1, 0.3]] * 3)
    assert steps_of(moves).verdict == "not identified"
    assert steps_of(moves.head(50)).verdict == "not enough data"


def units(seed, count=8000, lift=0.0, share=0.5):
    rng = np.random.default_rng(seed)
    treated = rng.random(count) < share
    answer = rng.random(count) < 0.1 * (1 + lift * treated)
    frame = pd.DataFrame({"arm": np.where(treated, "treatment", "control"), "answer": answer.astype(float)})
    return frame.assign(margin=answer * rng.gamma(2, 12, count), before=rng.poisson(1.0, count).astype(float))


def test_a_planted_lift_is_inside_its_interval_and_none_is_none():
    effect = measure(units(1, lift=0.35), outcome="answer", arm="arm", kind="response")
    assert effect.verdict == "supported"
    assert effect.relative_low < 0.35 < effect.relative_high
    frame = units(1, lift=0.35)
    arms = frame.groupby("arm")["answer"].agg(["mean", "var", "size"])
    error = np.sqrt((arms["var"] / arms["size"]).sum())
    assert effect.effect == pytest.approx(arms.loc["treatment", "mean"] - arms.loc["control", "mean"])
    assert effect.effect_high - effect.effect == pytest.approx(1.96 * error, rel=1e-3)
    nothing = [measure(units(s), outcome="margin", arm="arm", kind="uplift").verdict for s in range(20)]
    assert nothing.count("supported") <= 4


def test_relative_intervals_cover():
    covered = [
        e.relative_low <= 0.3 <= e.relative_high
        for e in (measure(units(s, lift=0.3), outcome="answer", arm="arm", kind="response") for s in range(200))
    ]
    assert 0.91 <= np.mean(covered) <= 0.985


def test_lost_units_and_small_arms_are_refused():
    lost = units(3, lift=0.5, share=0.4)
    assert measure(lost, outcome="answer", arm="arm", kind="response").verdict == "not identified"
    assert measure(lost, outcome="answer", arm="arm", kind="response", expected_share=0.4).verdict == "supported"
    assert measure(units(4, count=90), outcome="answer", arm="arm", kind="response").verdict == "not enough data"
    with pytest.raises(ValueError, match="kind is 'profit'"):
        measure(lost, outcome="answer", arm="arm", kind="profit")
    with pytest.raises(ValueError, match="rows are neither 0 nor 1"):
        measure(lost, outcome="margin", arm="arm", kind="response")


def test_segments_looked_at_besides_need_more():
    effects = pd.DataFrame(
        {"segment": ["all", "a", "b", "c"], "p_value": [0.04, 0.04, 0.3, 0.001], "verdict": ["supported"] * 4}
    )
    assert adjust_segments(effects)["verdict"].tolist() == [
        "supported",
        "no clear effect",
        "no clear effect",
        "supported",
    ]


PLAN = pd.DataFrame(
    [
        (4, "all", 1, "free_shipping", None, "shipping", True),
        (4, "all", 2, "reminder", "exit_intent", None, False),
        (4, "price_sensitive", 1, "reminder", "exit_intent", None, False),
        (1, "all", 1, "message", "exit_intent", "exit", False),
        (1, "brand_loyal", 1, "sale", None, None, True),
    ],
    columns=["phase", "segment", "priority", "campaign", "trigger", "experiment_id", "is_discount"],
)


def effects_of(**verdicts):
    rows = []
    for experiment, (money, answer) in verdicts.items():
        rows.append(
            (
                experiment,
                "uplift",
                "all",
                money,
                money - 0.2,
                money + 0.2,
                "supported" if abs(money) > 0.2 else "no clear effect",
            )
        )
        rows.append((experiment, "response", "all", 0.1, 0.05, 0.15, answer))
    names = ["experiment_id", "kind", "segment", "effect", "effect_low", "effect_high", "verdict"]
    return pd.DataFrame(rows, columns=names)


def chosen(phase, segment, effects):
    persons = pd.DataFrame({"person_id": ["p"], "phase": [phase], "segment": [segment]})
    return next_best(persons, PLAN, effects)


def test_measured_campaigns_come_first_and_several_are_named():
    effects = effects_of(shipping=(0.5, "supported"), exit=(0.05, "no clear effect"))
    best = chosen(4, "undecided", effects)
    assert best["campaign"].tolist() == ["free_shipping", "reminder"]
    assert best["rank"].tolist() == [1, 2]
    assert best["reason"].tolist() == ["measured", "plan"]
    assert best["expected_margin_eur"].iloc[0] == 0.5
    assert np.isnan(best["expected_margin_eur"].iloc[1])
    assert chosen(4, "price_sensitive", effects)["campaign"].tolist() == ["reminder"]
    assert chosen(1, "neutral", effects)["reason"].tolist() == ["no clear effect"]


def test_a_campaign_that_costs_margin_is_left_out():
    effects = effects_of(shipping=(-0.6, "supported"), exit=(0.5, "supported"))
    assert chosen(4, "neutral", effects)["campaign"].tolist() == ["reminder"]


def test_no_discount_for_the_brand_loyal_whatever_the_plan_says():
    effects = effects_of(shipping=(0.5, "supported"))
    assert chosen(4, "brand_loyal", effects)["campaign"].tolist() == ["reminder"]
    assert chosen(1, "brand_loyal", effects).empty
