"""Scores: as good as the world allows, true as probabilities, and stopped when they know the answer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml.customer_scores import LeakageError, train

START = pd.Timestamp("2026-01-01")


def world(seed=0, count=4000, drift=0.0):
    """Visits whose chance to buy is known: half of it from `pages`, half from `channel`."""
    rng = np.random.default_rng(seed)
    pages, channel = rng.poisson(4, count), rng.choice(["email", "display", "direct"], count)
    at = START + pd.to_timedelta(np.sort(rng.uniform(0, 300, count)), unit="D")
    logit = -3 + 0.4 * pages + np.select([channel == "email", channel == "display"], [0.8, -0.8], 0.0)
    chance = 1 / (1 + np.exp(-logit - drift * np.linspace(-1, 1, count)))
    frame = pd.DataFrame(
        {
            "person": rng.integers(0, count // 3, count).astype(str),
            "at": at,
            "pages": pages,
            "channel": channel,
            "age": np.where(rng.random(count) < 0.4, np.nan, rng.uniform(18, 80, count)),
            "known_at": at - pd.Timedelta(minutes=1),
        }
    )
    return frame.assign(bought=rng.random(count) < chance), chance


def fit(frame, **changes):
    return train(
        frame, **{"target": "bought", "time": "at", "unit": "person", "replicates": 60, "shuffles": 1} | changes
    )


@pytest.fixture(scope="module")
def trained():
    frame, chance = world()
    return fit(frame, replicates=200, shuffles=3), frame, chance


def test_it_ranks_almost_as_well_as_who_knows_the_chances(trained):
    scores, frame, chance = trained
    later = slice(round(0.4 * len(frame)), None)
    best = roc_auc_score(frame["bought"][later], chance[later])
    assert best - 0.02 < scores.auc <= best + 0.01
    assert scores.auc_low < scores.auc < scores.auc_high
    assert scores.verdict == "supported"
    assert scores.average_precision > scores.base_rate


def test_probabilities_come_true(trained):
    scores, frame, chance = trained
    assert scores.ratio == pytest.approx(1, abs=0.07)
    assert scores.ratio_low < 1 < scores.ratio_high
    table = scores.calibration
    assert table["rows"].sum() == scores.validated
    inside = (table["observed_low"] <= table["predicted"]) & (table["predicted"] <= table["observed_high"])
    assert inside.sum() >= 8
    assert np.abs(scores.score(frame) - chance).mean() < 0.03


def test_shuffled_labels_are_worth_nothing(trained):
    assert 0.48 <= trained[0].shuffled_auc <= 0.52


def test_same_data_same_scores_whatever_the_order_of_rows(trained):
    scores, frame, _ = trained
    again = fit(frame.sample(frac=1, random_state=3), replicates=200, shuffles=3)
    pd.testing.assert_frame_equal(scores.to_frame(), again.to_frame())
    assert np.array_equal(scores.score(frame), again.score(frame))


def test_it_is_judged_on_later_rows_only():
    """The future is another world: the past's rule is worth nothing there, and a random split would not notice."""
    frame, _ = world(1, count=2500)
    turn = frame["at"] >= frame["at"].quantile(0.4)
    flipped = frame.assign(bought=np.where(turn, 1 - frame["bought"], frame["bought"]).astype(bool))
    assert fit(flipped).auc < fit(frame).auc - 0.1


def test_rows_whose_answer_was_not_in_yet_do_not_teach():
    frame, _ = world(2, count=1500)
    with_horizon = fit(frame, horizon=pd.Timedelta(days=60))
    assert with_horizon.auc != fit(frame).auc
    assert with_horizon.verdict == "supported"
    # a horizon longer than the history leaves nothing to learn from
    assert fit(frame, horizon=pd.Timedelta(days=400)).verdict == "not enough data"


def test_the_level_follows_a_shop_that_changes():
    scores = fit(world(3, count=2500, drift=0.5)[0])
    assert scores.ratio == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("leak", "message"),
    [
        (lambda f: f.assign(known_at=f["at"] + pd.Timedelta(seconds=1)), r"known_at: 4000 of 4000 rows are later"),
        (lambda f: f.assign(order_value=f["bought"] * 50.0), r"order_value alone has an AUC of 1\.000"),
        (lambda f: f.assign(order_id=np.where(f["bought"], 1.0, np.nan)), r"order_id alone has an AUC"),
        (
            lambda f: f.assign(page=np.where(f["bought"] & (f.index % 3 == 0), "confirmation", f["channel"])),
            "page = confirmation is followed by the target in 100",
        ),
        (
            lambda f: f.assign(is_paid=f["bought"] & (f.index % 4 == 0)),
            r"is_paid = 1\.0 is followed by the target",
        ),
    ],
)
def test_a_feature_that_knows_the_answer_stops_the_run(leak, message):
    with pytest.raises(LeakageError, match=message):
        fit(leak(world()[0]))


def test_a_validation_that_sees_the_labels_stops_the_run():
    from ml.customer_leakage import require_shuffled

    y = np.random.default_rng(0).integers(0, 2, 5000).astype(float)
    with pytest.raises(LeakageError, match="shuffled labels are predicted with an AUC of 1"):
        require_shuffled(lambda labels: labels, y, np.arange(5000), 2, np.random.default_rng(1))


def test_without_a_signal_nothing_is_claimed():
    frame, _ = world(4, count=2500)
    noise = frame.assign(bought=np.random.default_rng(5).random(len(frame)) < 0.2)
    assert fit(noise).verdict == "not identified"
    few = frame.assign(bought=frame.index % 100 == 0)
    assert fit(few).verdict == "not enough data"
    assert np.isnan(fit(few).auc)


def test_unseen_and_missing_values_are_scored(trained):
    scores, frame, _ = trained
    odd = frame.head(3).assign(channel=["new", None, "email"], age=np.nan, pages=[0, 500, 2])
    given = scores.score(odd)
    assert ((given > 0) & (given < 1)).all()
    with pytest.raises(ValueError, match=r"lacks the column\(s\) \['pages'\]"):
        scores.score(odd.drop(columns="pages"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="at"), r"lacks the column\(s\) \['at'\]"),
        (lambda f: f.assign(bought=2), "bought: 4000 of 4000 rows are neither 0 nor 1"),
        (lambda f: f.assign(at="2026"), "frame.at is .* expected datetimes"),
        (lambda f: f.assign(person=None), "4000 of 4000 rows are missing"),
        (lambda f: f.assign(age=np.inf), "age: 4000 of 4000 rows are infinite"),
        (lambda f: f.assign(bought=True), "bought is 1 in all 4000 rows"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        fit(change(world()[0]))


@pytest.mark.slow
def test_intervals_of_the_auc_cover_it():
    """40 worlds of one kind: the interval of each holds the AUC that the judging models have on average."""
    runs = [fit(world(seed, count=2500)[0]) for seed in range(40)]
    middle = np.mean([run.auc for run in runs])
    covered = np.mean([run.auc_low <= middle <= run.auc_high for run in runs])
    assert covered >= 0.88, covered
