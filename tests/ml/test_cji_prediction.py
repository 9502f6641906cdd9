"""The verdict on the index: predictive only where it adds to what the present conversion says, out of sample."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ml.cji_prediction import PredictiveValue, predictive_value


def world(helps: float, weeks: int = 60, seed: int = 1) -> pd.DataFrame:
    """Weekly windows of five segments whose conversion four weeks later follows the index as far as `helps` says."""
    rng = np.random.default_rng(seed)
    level = rng.normal(-3, 0.3, 5)
    index = rng.normal(50, 10, (weeks + 4, 5))
    rows = []
    for week in range(4, weeks + 4):
        share = 1 / (1 + np.exp(-(level + helps * (index[week - 4] - 50) / 10 + rng.normal(0, 0.1, 5))))
        for segment in range(5):
            rows.append(
                {
                    "day": date(2025, 1, 5) + timedelta(weeks=week),
                    "segment": f"s{segment}",
                    "cji": index[week, segment],
                    "visits": 20_000,
                    "orders": rng.binomial(20_000, share[segment]),
                }
            )
    return pd.DataFrame(rows)


def judged(frame: pd.DataFrame) -> PredictiveValue:
    return predictive_value(frame, day="day", segment="segment", index="cji", visits="visits", orders="orders")


def test_an_index_that_leads_conversion_is_predictive() -> None:
    value = judged(world(helps=0.3))
    assert value.verdict == "predictive"
    assert value.gain_low > 0
    assert value.coefficient == pytest.approx(0.3, abs=0.05)
    assert value.error_with < min(value.error_without, value.error_persistence)


def test_noise_is_descriptive_and_a_short_history_is_not_judged() -> None:
    assert [judged(world(helps=0.0, seed=seed)).verdict for seed in range(8)].count("predictive") <= 1
    assert judged(world(helps=0.3, weeks=14)).verdict == "not enough data"
    assert judged(world(helps=0.3, weeks=5)).to_frame()["judged_days"].tolist() == [0]


def test_rows_without_an_index_are_passed_over_and_impossible_ones_refused() -> None:
    frame = world(helps=0.3)
    frame.loc[frame["segment"].eq("s0"), "cji"] = np.nan
    assert judged(frame).rows == judged(frame[frame["segment"].ne("s0")]).rows
    with pytest.raises(ValueError, match=r"exceed frame\.visits"):
        judged(frame.assign(orders=30_000))
