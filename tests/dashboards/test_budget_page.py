"""The what-if of the budget page is the arithmetic of the published curves, and nothing moves that is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboards.app import open_page, words


@pytest.fixture(autouse=True)
def _data(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(published))


def figures(app: object) -> dict[str, str]:
    return {metric.label: metric.value.replace("\N{NO-BREAK SPACE}", " ") for metric in app.metric}  # type: ignore[attr-defined]


def test_only_known_channels_have_a_slider_within_their_limits() -> None:
    app = open_page("budget")
    assert {slider.label: (slider.min, slider.max, slider.value) for slider in app.slider} == {
        "Paid search": (1800, 7200, 3600),
        "Paid social": (900, 3600, 1800),
    }
    assert figures(app) == {"Change in spend": "€0", "Added revenue": "€0", "Margin after spend": "€0"}


def test_a_moved_slider_shows_the_gain_of_the_curve() -> None:
    app = open_page("budget")
    app.slider(key="spend_paid_social").set_value(3600).run()
    # 1400 x / (x + 150) a day at 120 and at 60 EUR, times 30 days
    gain = 30 * (1400 * 120 / 270 - 1400 * 60 / 210)
    shown = figures(app)
    assert shown["Change in spend"] == "€1,800"
    assert shown["Added revenue"] == f"€{gain:,.0f}"
    assert shown["Margin after spend"] == f"€{0.41 * gain - 1800:,.0f}"
    assert f"90 %: €{0.8 * gain:,.0f}"[:9] in words(app)


def test_the_proposal_can_be_taken_over() -> None:
    app = open_page("budget")
    next(button for button in app.button if button.label == "As proposed").click().run()
    assert app.slider(key="spend_paid_social").value == 3300
    assert app.slider(key="spend_paid_search").value == 2100
    assert figures(app)["Change in spend"] == "€0"


def test_disagreement_is_flagged() -> None:
    app = open_page("budget")
    table = next(frame.value for frame in app.dataframe if "Experiment" in frame.value.columns)
    flagged = table.set_index("Channel")["Verdict"]
    assert "overstates" in flagged["Paid social"]
    assert flagged["Paid search"] == "Agree"
