"""The direction audit against visits whose law is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.cji_directions import audit_directions

CLAIMS = pd.DataFrame(
    {"phase_model": "m", "phase": 1, "parameter": ["time", "pageviews"], "direction": [1, -1]}, index=[0, 1]
)


def visits(time_effect: float, page_effect: float, n: int = 3000, seed: int = 1) -> pd.DataFrame:
    """Visits whose log odds of progress are linear in both logs; a person's visits share a leaning."""
    dice = np.random.default_rng(seed)
    log_seconds, log_pages = dice.normal(4, 1, n), np.log(dice.integers(1, 9, n))
    bucket = dice.integers(0, 100, n)
    odds = time_effect * (log_seconds - 4) + page_effect * (log_pages - 1.3) + dice.normal(0, 0.3, 100)[bucket]
    return pd.DataFrame(
        {
            "phase_model": "m",
            "phase": 1,
            "seconds": np.exp(log_seconds),
            "page_views": np.exp(log_pages),
            "is_outcome": dice.random(n) < 1 / (1 + np.exp(-odds)),
            "person_bucket": bucket,
        }
    )


def test_true_effects_are_found_and_lie_in_their_interval() -> None:
    frame = audit_directions(visits(0.5, -0.7), CLAIMS).to_frame().set_index("parameter")
    assert frame["verdict"].tolist() == ["supported", "supported"]
    assert frame["log_odds_low"]["time"] < 0.5 < frame["log_odds_high"]["time"]
    assert frame["log_odds_low"]["pageviews"] < -0.7 < frame["log_odds_high"]["pageviews"]
    assert frame["is_kept"].all()


def test_a_wrong_sign_loses_its_weight() -> None:
    frame = audit_directions(visits(-0.5, 0.7), CLAIMS).to_frame()
    assert frame["verdict"].tolist() == ["contradicted", "contradicted"]
    assert not frame["is_kept"].any()


def test_no_effect_passes_for_one_about_as_often_as_the_level_says() -> None:
    significant = sum(
        (audit_directions(visits(0.0, 0.0, 1500, seed), CLAIMS).to_frame()["verdict"] != "not significant").sum()
        for seed in range(100)
    )
    assert 2 <= significant <= 22  # 200 tests at 5 %, errors clustered: 10 expected


def test_what_cannot_be_tested_stays_as_claimed() -> None:
    few = visits(0.5, 0.0, n=150)
    all_on = visits(0.5, 0.0).assign(is_outcome=True)
    nobody = visits(0.5, 0.0).iloc[:0]
    for frame in (few, all_on, nobody):
        answer = audit_directions(frame, CLAIMS).to_frame()
        assert answer["verdict"].eq("not testable").all()
        assert answer["is_kept"].all()
    one_page = visits(0.5, 0.0).assign(page_views=1)
    assert audit_directions(one_page, CLAIMS).to_frame()["verdict"].tolist() == ["supported", "not testable"]


def test_minutes_instead_of_seconds_change_no_verdict() -> None:
    seconds = visits(0.5, -0.1)
    minutes = seconds.assign(seconds=seconds["seconds"] * 60)
    first, second = (audit_directions(frame, CLAIMS).to_frame() for frame in (seconds, minutes))
    assert first["verdict"].equals(second["verdict"])


def test_errors_name_the_column() -> None:
    with pytest.raises(ValueError, match="visits has no column 'seconds'"):
        audit_directions(visits(0, 0).drop(columns="seconds"), CLAIMS)
    with pytest.raises(ValueError, match="'depth'"):
        audit_directions(visits(0, 0), CLAIMS.assign(parameter="depth"))
