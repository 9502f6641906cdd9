"""Incidents: a planted fall is found by phase, segment and days; waves, rises and chance raise no alarm."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml.cji_incidents import Incidents, find_incidents
from ml.range_scan import MIN_VISITS, Ranges, Scan, fall, local_share

FIRST_DAY = date(2026, 1, 5)
COLUMNS = {"day": "day", "phase": "phase", "visits": "visits", "progressed": "progressed", "by": ("device", "channel")}
SHARES = {1: 0.6, 3: 0.3, 5: 0.7}


def shop(seed: int = 1, days: int = 182, visits: float = 8.0) -> pd.DataFrame:
    """Daily visits of three phases, two devices and three channels, all at their usual share."""
    rng = np.random.default_rng(seed)
    cells = pd.MultiIndex.from_product(
        [[FIRST_DAY + timedelta(days=day) for day in range(days)], SHARES, ["desktop", "mobile"], ["a", "b", "c"]],
        names=["day", "phase", "device", "channel"],
    )
    frame = cells.to_frame(index=False)
    frame["visits"] = rng.poisson(visits, len(frame))
    frame["share"] = frame["phase"].map(SHARES)
    frame["progressed"] = rng.binomial(frame["visits"], frame["share"])
    return frame


def planted(frame: pd.DataFrame, rows: pd.Series, factor: float) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    progressed = rng.binomial(frame["visits"], (frame["share"] * factor).clip(upper=1))
    return frame.assign(progressed=np.where(rows, progressed, frame["progressed"]))


def between(frame: pd.DataFrame, first: int, last: int) -> pd.Series:
    number = (pd.to_datetime(frame["day"]) - pd.Timestamp(FIRST_DAY)).dt.days
    return number.between(first, last)


def found(frame: pd.DataFrame, **options: object) -> Incidents:
    return find_incidents(frame, **COLUMNS, **options)  # type: ignore[arg-type]


def test_a_fall_is_found_with_its_phase_segment_and_days() -> None:
    frame = shop()
    broken = frame["device"].eq("mobile") & frame["phase"].eq(5) & between(frame, 95, 125)
    incidents = found(planted(frame, broken, 0.5)).found
    assert [(one.phase, one.segment) for one in incidents] == [(5, "device=mobile")]
    assert abs((incidents[0].first_day - FIRST_DAY).days - 95) <= 2
    assert abs((incidents[0].last_day - FIRST_DAY).days - 125) <= 2
    assert not incidents[0].is_open
    assert incidents[0].progress_share == pytest.approx(0.35, abs=0.05)
    assert incidents[0].normal_share == pytest.approx(0.7, abs=0.03)
    assert incidents[0].lost_progress == pytest.approx(0.35 * incidents[0].visits, rel=0.2)


def test_a_fall_of_everyone_names_everyone_and_one_that_goes_on_is_open() -> None:
    frame = shop()
    broken = frame["phase"].eq(3) & between(frame, 170, 181)
    incidents = found(planted(frame, broken, 0.5)).found
    assert [(one.phase, one.segment, one.is_open) for one in incidents] == [(3, "all", True)]


def test_two_incidents_are_told_apart() -> None:
    frame = shop()
    broken = frame["device"].eq("mobile") & frame["phase"].eq(5) & between(frame, 60, 85)
    broken |= frame["phase"].eq(5) & between(frame, 120, 135)
    table = found(planted(frame, broken, 0.5)).to_frame()
    assert table["segment"].tolist() == ["all", "device=mobile"]  # the newest first
    assert table["first_day"].is_monotonic_decreasing


def test_what_fell_and_never_recovered_stays_open() -> None:
    frame = shop(days=250)
    incidents = found(planted(frame, frame["phase"].eq(5) & between(frame, 160, 249), 0.7)).found
    assert [(one.phase, one.is_open) for one in incidents] == [(5, True)]


def test_a_lasting_rise_is_no_fall_before_it() -> None:
    frame = shop()
    assert found(planted(frame, frame["phase"].eq(3) & between(frame, 90, 181), 1.8)).found == ()


def test_quiet_shops_raise_no_alarm() -> None:
    alarms = [bool(found(shop(seed, days=126, visits=3.0), replicates=99).found) for seed in range(20)]
    assert sum(alarms) <= 3  # one in twenty expected; more than three in 2 % of all sets of twenty


def test_a_few_weeks_cannot_be_judged() -> None:
    assert found(shop(days=80)).verdict == "not enough data"
    assert found(shop(days=80)).to_frame().empty


def test_order_and_splitting_of_rows_do_not_matter() -> None:
    frame = shop()
    frame = planted(frame, frame["phase"].eq(5) & between(frame, 60, 85), 0.5)
    halves = frame.assign(visits=frame["visits"] // 2, progressed=0)
    rest = frame.assign(visits=frame["visits"] - halves["visits"])
    rest["progressed"] = np.minimum(rest["visits"], frame["progressed"])
    halves["progressed"] = frame["progressed"] - rest["progressed"]
    split = pd.concat([halves, rest]).sample(frac=1, random_state=1)
    assert (
        found(split)
        .to_frame()[["phase", "segment", "first_day", "last_day", "visits", "p_value"]]
        .equals(found(frame).to_frame()[["phase", "segment", "first_day", "last_day", "visits", "p_value"]])
    )


def ratio(n: float, k: float, m: float, j: float) -> float:
    """k of n and j of m: log likelihood of two shares less that of one."""
    pooled = (k + j) / (n + m)
    one, other = stats.binom.logpmf([k, k], n, [k / n, pooled]), stats.binom.logpmf([j, j], m, [j / m, pooled])
    return float(one[0] - one[1] + other[0] - other[1])


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_the_score_is_the_likelihood_ratio_of_two_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    visits = rng.integers(0, 12, (1, 100)).astype(float)
    progressed = rng.binomial(visits.astype(int), rng.uniform(0.2, 0.8)).astype(float)
    ranges = Ranges.tried(100, 30)
    scores = fall(visits, progressed, ranges, 0.1)[0]
    for at in rng.choice(len(scores), 10):
        first, last = ranges.first[at], ranges.last[at]
        inside = slice(first, last + 1)
        sides = [slice(max(first - 30, 0), first), slice(last + 1, last + 31)]
        n, k = visits[0, inside].sum(), progressed[0, inside].sum()
        around = [(visits[0, side].sum(), progressed[0, side].sum()) for side in sides]
        judged = n >= MIN_VISITS and around[0][0] >= MIN_VISITS
        low = [m < MIN_VISITS or k / max(n, 1) <= 0.9 * j / m for m, j in around]
        m, j = (sum(pair) for pair in zip(*around, strict=True))

        if not (judged and all(low)) or any(ratio(n, k, *side) < 2 for side in around if side[0] >= MIN_VISITS):
            assert scores[at] == 0
            continue
        assert scores[at] == pytest.approx(ratio(n, k, m, j), abs=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 30.0]), st.floats(0.02, 0.98), st.floats(0.1, 1.0))
def test_the_clearest_fall_is_the_highest_score(seed: int, level: float, share: float, factor: float) -> None:
    rng = np.random.default_rng(seed)
    visits = rng.poisson(level * rng.uniform(0, 2, (6, 1)), (6, 130))
    shares = np.full(visits.shape, share)
    shares[:3, 60:90] *= factor
    ranges = Ranges.tried(130, 40)
    scan = Scan(visits.astype(float), ranges, 0.1)
    for chance in (shares, 0.0, 1.0):
        progressed = rng.binomial(visits, chance).astype(float)
        assert scan.highest(progressed) == fall(visits.astype(float), progressed, ranges, 0.1).max()


def test_the_local_share_is_that_of_the_days_in_reach() -> None:
    rng = np.random.default_rng(1)
    visits = rng.integers(0, 3, (2, 40)).astype(float)
    progressed = rng.binomial(visits.astype(int), 0.5).astype(float)
    shares = local_share(visits, progressed, 5)
    for day in (0, 3, 20, 39):
        near = slice(max(day - 5, 0), day + 6)
        assert shares[0, day] == pytest.approx(progressed[0, near].sum() / visits[0, near].sum())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"progressed": 99}, "exceed frame.visits"),
        ({"visits": -1}, "below 0"),
        ({"day": None}, "have no day"),
    ],
)
def test_broken_frames_are_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        found(shop(days=90).assign(**change))
    with pytest.raises(ValueError, match="device"):
        found(shop(days=90).drop(columns="device"))
