"""A weather effect in one sentence, German and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.weather_sales import WeatherEffect

# column: (German, English, unit); a series not named here is called by its column
SERIES = {
    "temperature_max_celsius": ("Höchsttemperatur", "maximum temperature", "°C"),
    "temperature_mean_celsius": ("Mitteltemperatur", "mean temperature", "°C"),
    "temperature_deviation_celsius": ("Abweichung von der Normaltemperatur", "temperature above normal", "°C"),
    "precipitation_mm": ("Niederschlag", "precipitation", "mm"),
    "sunshine_minutes": ("Sonnenschein", "sunshine", "min"),
    "wind_speed_ms": ("Wind", "wind", "m/s"),
    "units": ("Absatz", "units sold", ""),
    "orders": ("Bestellungen", "orders", ""),
    "revenue_eur": ("Umsatz", "revenue", "EUR"),
}
MOVES = {"de": ("steigt", "fällt", "bleibt gleich"), "en": ("rises", "falls", "stays level")}


def sentence(effect: WeatherEffect, language: str) -> str:
    """What `effect` means, for a reader who does not know its columns."""
    place = 0 if language == "de" else 1
    outcome, weather = (SERIES.get(name, (name, name, "")) for name in (effect.outcome, effect.variable))
    unit = weather[2] or ("Einheit" if language == "de" else "unit")
    about = ", ".join(str(value) for value in effect.keys.values() if value != "all")
    head = f"{about}: " if about else ""
    at, low, high, p = (
        _number(value, language)
        for value in (effect.threshold, effect.threshold_low, effect.threshold_high, effect.p_value)
    )
    beyond = min(effect.days_beyond, effect.days_below)
    if effect.verdict == "too little data" and not effect.has_turn:
        few = {
            "de": f"{effect.days} Tage mit {weather[0]} reichen für ein Urteil nicht aus.",
            "en": f"{effect.days} days with {weather[1]} are too few for a verdict.",
        }
    elif effect.verdict == "too little data":
        few = {
            "de": f"Nur {beyond} Tage jenseits von {at} {weather[2]} {weather[0]}: zu wenige für ein Urteil.",
            "en": f"only {beyond} days beyond {at} {weather[2]} {weather[1]}: too few for a verdict.",
        }
    elif effect.verdict == "season only":
        few = {
            "de": f"Nach Wochentag, Trend und Jahreszeit hängt {outcome[0]} nicht erkennbar an {weather[0]} (p = {p}).",
            "en": f"after weekday, trend and season no tie of {outcome[1]} to {weather[1]} is left (p = {p}).",
        }
    else:
        below, above = (_move(slope, outcome[2], unit, language) for slope in (effect.slope_below, effect.slope_above))
        later = effect.lag_days
        wait = {"de": f" nach {later} Tag{'en' * (later > 1)}", "en": f" {later} day{'s' * (later > 1)} later"}
        lag = wait[language] if later else ""
        if effect.has_turn:
            turn = f"{at} {weather[2]} ({low} {'bis' if language == 'de' else 'to'} {high})"
            few = {
                "de": f"{outcome[0]} {below} {weather[0]}{lag} bis {turn}, darüber: {above}.",
                "en": f"{outcome[1]} {below} {weather[1]}{lag} up to {turn}, beyond: {above}.",
            }
        else:
            few = {"de": f"{outcome[0]} {below} {weather[0]}{lag}.", "en": f"{outcome[1]} {below} {weather[1]}{lag}."}
    text = (head + few[language]).replace("  ", " ")
    return text[:1].upper() + text[1:] if place or not head else text


def _move(slope: float, outcome_unit: str, unit: str, language: str) -> str:
    rises, falls, level = MOVES[language]
    if not abs(slope) > 0:
        return level
    amount = f"{_number(abs(slope), language)} {outcome_unit}".strip()
    by, per = ("um", "je") if language == "de" else ("by", "per")
    return f"{rises if slope > 0 else falls} {by} {amount} {per} {unit}"


def _number(value: float, language: str) -> str:
    text = f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text
