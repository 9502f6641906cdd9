"""What is found about a pair of series in one sentence, German and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ml.weather_sales import WeatherEffect

Words = tuple[str, str]  # German, English
SEEN_LEVEL = 0.05  # a p-value at which `no tie` would be the wrong word


class Series(NamedTuple):
    """How a series is spoken of."""

    name: Words
    unit: Words = ("", "")
    step: Words = ("", "")  # what one unit of it is called, where `je unit name` does not say it
    caveat: Words = ("", "")  # why moving with it is not yet an effect
    scale: float = 1.0  # from the number to what is said
    is_plural: tuple[bool, bool] = (False, False)
    is_event: bool = False  # a day has it or not


EUR, CELSIUS = ("EUR", "EUR"), ("°C", "°C")
# A series not named here is called by its column.
SERIES = {
    "temperature_max_celsius": Series(("Höchsttemperatur", "maximum temperature"), CELSIUS),
    "temperature_mean_celsius": Series(("Mitteltemperatur", "mean temperature"), CELSIUS),
    "temperature_deviation_celsius": Series(
        ("Abweichung von der Normaltemperatur", "temperature above normal"), CELSIUS
    ),
    "precipitation_mm": Series(("Niederschlag", "precipitation"), ("mm", "mm")),
    "sunshine_minutes": Series(("Sonnenschein", "sunshine"), ("min", "min")),
    "wind_speed_ms": Series(("Wind", "wind"), ("m/s", "m/s")),
    "is_holiday": Series(("Feiertag", "public holiday"), step=("einem Feiertag", "a public holiday"), is_event=True),
    "units": Series(("Absatz", "units sold"), is_plural=(False, True)),
    "orders": Series(("Bestellungen", "orders"), is_plural=(True, True)),
    "revenue_eur": Series(("Umsatz", "revenue"), EUR),
    "order_value_eur": Series(("Bestellwert", "average order value"), EUR),
    "visits": Series(("Besuche", "visits"), is_plural=(True, True)),
    "visit_conversion_share": Series(
        ("Anteil der Besuche mit Bestellung", "share of visits with an order"),
        ("Prozentpunkte", "percentage points"),
        scale=100,
    ),
}
_POSTS = (
    " Gleichlauf, keine gemessene Wirkung: Was sich verkauft, darüber wird geredet.",
    " Moves with it, no measured effect: what sells is talked about.",
)
SERIES["social_posts"] = Series(
    ("Beiträge in sozialen Netzen", "social posts"), step=("je Beitrag", "per post"), caveat=_POSTS
)
SERIES["social_sentiment"] = Series(
    ("Stimmung der Beiträge", "sentiment of posts"),
    step=("je Punkt der Stimmung (-1 bis 1)", "per point of sentiment (-1 to 1)"),
    caveat=_POSTS,
)
_SPEND = (
    " Gleichlauf, keine gemessene Wirkung: Budgets folgen der Nachfrage, siehe Budget.",
    " Moves with it, no measured effect: budgets follow demand, see Budget.",
)
CHANNELS = {
    "all": ("Werbung insgesamt", "all advertising"),
    "paid_search": ("bezahlte Suche", "paid search"),
    "paid_social": ("bezahlte Social Media", "paid social"),
    "display": ("Display", "display"),
    "affiliate": ("Affiliate", "affiliate"),
    "tv": ("TV", "TV"),
    "catalog": ("Katalog", "catalog"),
}
MOVES = {
    ("de", False): ("steigt", "fällt", "bleibt gleich"),
    ("de", True): ("steigen", "fallen", "bleiben gleich"),
    ("en", False): ("rises", "falls", "stays level"),
    ("en", True): ("rise", "fall", "stay level"),
}


def sentence(effect: WeatherEffect, language: str) -> str:
    """What `effect` means, for a reader who does not know its columns."""
    place = 0 if language == "de" else 1
    outcome, weather = _series(effect.outcome), _series(effect.variable)
    sold, seen, unit = outcome.name[place], weather.name[place], weather.unit[place]
    about = ", ".join(str(value) for value in effect.keys.values() if value != "all")
    head = f"{about}: " if about else ""
    at, low, high, p = (
        _number(value, language)
        for value in (effect.threshold, effect.threshold_low, effect.threshold_high, effect.p_value)
    )
    beyond = min(effect.days_beyond, effect.days_below)
    if effect.verdict == "too little data" and not effect.has_turn:
        few = {
            "de": f"{effect.days} Tage mit {seen} und {sold} sind zu wenige oder zu gleichförmig für ein Urteil.",
            "en": f"{effect.days} days with {seen} and {sold} are too few or too much alike for a verdict.",
        }
    elif effect.verdict == "too little data":
        few = {
            "de": f"Nur {beyond} Tage jenseits von {at} {unit} {seen}: zu wenige für ein Urteil.",
            "en": f"only {beyond} days beyond {at} {unit} {seen}: too few for a verdict.",
        }
    elif effect.verdict == "season only" and effect.p_value <= SEEN_LEVEL and not effect.out_of_time_gain > 0:
        few = {
            "de": f"{sold} und {seen} gehen zwar zusammen (p = {p}), aber an zurückgehaltenen Tagen bestätigt sich das "
            "nicht.",
            "en": f"{sold} and {seen} do go together (p = {p}), but days held out do not confirm it.",
        }
    elif effect.verdict == "season only":
        few = {
            "de": f"{sold} und {seen} zeigen nach Wochentag, Trend und Jahreszeit keinen erkennbaren Zusammenhang "
            f"(p = {p}).",
            "en": f"after weekday, trend and season no tie of {sold} to {seen} is left (p = {p}).",
        }
    else:
        per = weather.step[place] or f"{('je', 'per')[place]} {unit or ('Einheit', 'unit')[place]}"
        step = _later(weather, per if weather.step[place] else f"{per} {seen}", effect.lag_days, place)
        below = _move(effect.slope_below, outcome, step, language)
        above = _move(effect.slope_above, outcome, per, language)
        if effect.has_turn:
            turn = f"{at} {unit} ({low} {('bis', 'to')[place]} {high})".replace("  ", " ")
            few = {
                "de": f"{sold} {below} bis {turn}, darüber: {above}.",
                "en": f"{sold} {below} up to {turn}, beyond: {above}.",
            }
        else:
            few = {language: f"{sold} {below}."}
        few[language] += weather.caveat[place]
    text = (head + few[language]).replace("  ", " ")
    return text[:1].upper() + text[1:] if place or not head else text


def _series(name: str) -> Series:
    if name in SERIES or not name.startswith("spend_"):
        return SERIES.get(name, Series((name, name)))
    german, english = CHANNELS.get(name.removeprefix("spend_"), (name.removeprefix("spend_"),) * 2)
    return Series(
        (f"Ausgaben für {german}", f"spend on {english}"),
        EUR,
        step=(f"je EUR für {german}", f"per EUR of {english}"),
        caveat=_SPEND,
    )


def _later(weather: Series, step: str, days: int, place: int) -> str:
    """The step with its lag; `same day` is said of spend and posts, which one expects to work later."""
    if weather.is_event:
        after = (f"{days} Tag{'e' * (days > 1)} nach", f"{days} day{'s' * (days > 1)} after")
        return f"{after[place] if days else ('an', 'on')[place]} {step}"
    if days:
        later = (f"nach {days} Tag{'en' * (days > 1)}", f"{days} day{'s' * (days > 1)} later")
        return f"{step} {later[place]}"
    return step + (", am selben Tag", ", same day")[place] if weather.caveat[place] else step


def _move(slope: float, outcome: Series, step: str, language: str) -> str:
    place = 0 if language == "de" else 1
    rises, falls, level = MOVES[language, outcome.is_plural[place]]
    if not abs(slope) > 0:
        return level
    amount = f"{_number(abs(slope) * outcome.scale, language, plain=True)} {outcome.unit[place]}".strip()
    return f"{rises if slope > 0 else falls} {('um', 'by')[place]} {amount} {step}"


def _number(value: float, language: str, *, plain: bool = False) -> str:
    """Two digits of small numbers; `plain` writes tiny ones without a power of ten."""
    text = f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"
    if plain and "e" in text:
        text = np.format_float_positional(float(text), trim="-")
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text
