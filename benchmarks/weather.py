"""Weather against products, all pairs with their null distributions: `python -m benchmarks.weather [products] [days]`.

Every product follows weekday, season and chance; every tenth also the temperature.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from ml.weather_sales import screen

VARIABLES = (
    "temperature_max_celsius",
    "temperature_deviation_celsius",
    "precipitation_mm",
    "sunshine_minutes",
    "wind_speed_ms",
)
MEMORY = 0.6


def main() -> None:
    products, days = (int(value) for value in (*sys.argv[1:], *("100", "1095")[len(sys.argv) - 1 :]))
    frame, moved = shop(products, days)
    wall, cpu = time.perf_counter(), time.process_time()
    found = screen(
        frame, date="day", x=VARIABLES, y="units", by=("product",), controls=("is_holiday",),
        rng=np.random.default_rng(1),
    ).to_frame()  # fmt: skip
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    supported = found["verdict"] == "supported"
    planted = found["product"].isin(moved) & (found["variable"] == VARIABLES[0])
    # The deviation is the same temperature without its season: products that heat moves are no null for it.
    others = ~found["product"].isin(moved)
    print("| pairs | days | CPU s | wall s | planted found | others supported |")
    print("|---:|---:|---:|---:|---:|---:|")
    print(
        f"| {len(found)} | {days} | {cpu:.0f} | {wall:.0f} | {(supported & planted).sum()} of {planted.sum()} "
        f"| {(supported & others).sum()} of {others.sum()} |"
    )


def shop(products: int, days: int) -> tuple[pd.DataFrame, list[str]]:
    """One row per day x product, and the products that the temperature moves (up to a turn at 24 degrees)."""
    rng = np.random.default_rng(0)
    day = pd.date_range("2023-01-01", periods=days)
    angle = 2 * np.pi * day.day_of_year.to_numpy() / 365.25
    deviation = correlated(rng, days, 4.0)
    temperature = 15 - 10 * np.cos(angle) + deviation
    weather = {
        "temperature_max_celsius": temperature,
        "temperature_deviation_celsius": deviation,
        "precipitation_mm": rng.gamma(0.3, 6, days),
        "sunshine_minutes": np.clip(300 - 200 * np.cos(angle) + correlated(rng, days, 120), 0, 900),
        "wind_speed_ms": rng.gamma(3, 1.2, days),
    }
    is_holiday = day.strftime("%m-%d").isin(["01-01", "05-01", "10-03", "12-25", "12-26"])
    week = np.array([0, 2, 3, 5, 10, 25, -20])[day.day_of_week]
    parts, moved = [], []
    for number in range(products):
        name = f"product {number:04d}"
        units = 100 + 25 * np.cos(angle + rng.uniform(0, 2 * np.pi)) + week + correlated(rng, days, 10)
        if number % 10 == 0:
            moved.append(name)
            units += 2 * np.minimum(temperature, 24) - 4 * np.maximum(temperature - 24, 0)
        parts.append(pd.DataFrame({"day": day, "product": name, "units": units, "is_holiday": is_holiday} | weather))
    return pd.concat(parts, ignore_index=True), moved


def correlated(rng: np.random.Generator, days: int, size: float) -> np.ndarray:
    """Noise that remembers the day before."""
    steps = rng.normal(0, size * np.sqrt(1 - MEMORY**2), days)
    for day in range(1, days):
        steps[day] += MEMORY * steps[day - 1]
    return steps


if __name__ == "__main__":
    main()
