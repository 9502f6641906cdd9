"""What is planted can be seen with the plainest of means, and the traps are traps."""

from __future__ import annotations

import numpy as np
import pytest

from orchestration.sources.demo import demand, funnel, mailings, media
from orchestration.sources.demo.assortment import CHANNELS, GARDEN, PRODUCTS_PER_CATEGORY, RAIN, WATER
from orchestration.sources.demo.columns import length
from orchestration.sources.demo.demand import STORE, WEB
from orchestration.sources.demo.ledger import counts, order_cents
from orchestration.sources.demo.people import SEGMENTS
from orchestration.sources.demo.shop import World
from orchestration.sources.demo.social import make_posts
from orchestration.sources.demo.truth import media_table
from orchestration.sources.demo.weather import shares
from tests.orchestration.sources.demo.conftest import DAYS


def units(world: World, category: int) -> np.ndarray:
    """Units a day, whatever became of the orders later."""
    lines = world.sales.lines
    mine = lines["product"] // PRODUCTS_PER_CATEGORY == category
    day = world.sales.orders["day"][lines["order"][mine]]
    return np.bincount(day, lines["quantity"][mine], world.clock.length)[:DAYS]


def regress(y: np.ndarray, *columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Least squares: coefficients, their standard errors, sum of squared residuals."""
    x = np.column_stack(columns)
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    residual = y - x @ beta
    variance = residual @ residual / (len(y) - x.shape[1])
    return beta, np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * variance), float(residual @ residual)


def weekdays(world: World) -> list[np.ndarray]:
    return [(world.clock.weekdays[:DAYS] == day).astype(float) for day in range(7)]


def national(world: World, measure: np.ndarray) -> np.ndarray:
    return (shares() @ measure)[:DAYS]


def test_water_rises_with_heat_and_falls_beyond_forty_degrees(world: World) -> None:
    heat, water = national(world, world.weather.daily_maximum), units(world, WATER)
    assert (heat > 40).sum() >= 30
    dummies = weekdays(world)
    lost = {t: regress(water, *dummies, heat, np.maximum(heat - t, 0))[2] for t in np.arange(30, 45, 0.5)}
    assert min(lost, key=lost.__getitem__) == pytest.approx(40, abs=2)
    beta, error, _ = regress(water, *dummies, heat, np.maximum(heat - 40, 0))
    assert beta[-2] == pytest.approx(demand.WATER_PER_DEGREE, abs=0.3)
    assert beta[-1] == pytest.approx(demand.WATER_BEYOND - demand.WATER_PER_DEGREE, abs=4 * error[-1])
    assert beta[-1] + 5 * error[-1] < 0


def test_rain_sells_rain_wear(world: World) -> None:
    rain = national(world, world.weather.daily_precipitation)
    beta, error, _ = regress(units(world, RAIN), np.ones(DAYS), rain)
    assert beta[1] == pytest.approx(demand.RAIN_PER_MM, abs=4 * error[1])
    assert beta[1] > 5 * error[1]


def test_garden_furniture_follows_the_calendar_and_only_seems_to_follow_heat(world: World) -> None:
    heat, garden = national(world, world.weather.daily_maximum), units(world, GARDEN)
    assert np.corrcoef(heat, garden)[0, 1] > 0.3
    season = funnel.garden_season(world.clock)[:DAYS]
    year = 2 * np.pi * world.clock.year_share[:DAYS]
    waves = [f(k * year) for k in (1, 2) for f in (np.sin, np.cos)]
    beta, error, _ = regress(garden, *weekdays(world), season, *waves, heat)
    assert abs(beta[-1]) < 3 * error[-1]


def test_free_shipping_brings_more_baskets_to_the_checkout(world: World) -> None:
    def rate(arm: np.ndarray, code: int) -> tuple[float, int]:
        basket = (world.visits["depth"] >= funnel.BASKET) & (arm == code) & (world.missions["wave"][mission] < 0)
        return float((world.visits["depth"][basket] >= funnel.CHECKOUT).mean()), int(basket.sum())

    mission = world.visits["mission"]
    (control, n), (treated, m) = (rate(world.visits["arm_shipping"], code) for code in (0, 1))
    error = np.sqrt(control * (1 - control) / n + treated * (1 - treated) / m)
    assert treated - control > 3 * error
    assert treated / control == pytest.approx(funnel.SHIPPING_UPLIFT, abs=4 * error / control)
    (control, n), (treated, m) = (rate(world.visits["arm_exit"], code) for code in (0, 1))
    assert abs(treated - control) < 3 * np.sqrt(control * (1 - control) / n + treated * (1 - treated) / m)


def test_one_visitor_sees_one_arm(world: World) -> None:
    arm, cookie = world.visits["arm_shipping"], world.visits["cookie"]
    seen = np.unique(np.stack([cookie[arm >= 0], arm[arm >= 0]]), axis=1)
    assert len(np.unique(seen[0])) == seen.shape[1]
    assert np.mean(seen[1]) == pytest.approx(0.5, abs=0.03)


def test_the_mobile_checkout_breaks_for_four_weeks(world: World) -> None:
    first, end = world.story.defect
    assert end - first == 28
    day, depth = world.clock.day_of(world.visits["start"]), world.visits["depth"]
    mobile, during = world.visits["device_type"] == 1, (day >= first) & (day < end)
    shipping, payment = depth >= funnel.SHIPPING, depth >= funnel.PAYMENT
    broken, sound = payment[shipping & mobile & during], payment[shipping & mobile & ~during]
    desktop = payment[shipping & ~mobile & during]
    assert len(broken) > 20
    assert broken.mean() < 0.5 < 0.8 < sound.mean()
    assert desktop.mean() > 0.7


def test_the_catalog_lifts_orders_by_what_was_planned(world: World) -> None:
    """Orders within seven weeks per recipient against the holdout, all channels, by plain counting."""
    orders, recipients = world.sales.orders, world.catalog.recipients
    people = world.people
    for index, name in enumerate(SEGMENTS):
        rates, errors = [], []
        for arm in range(3):
            bought: list[np.ndarray] = []
            for wave, day in enumerate(world.story.waves):
                chosen = (recipients["wave"] == wave) & (recipients["arm"] == arm)
                person = recipients["person"][chosen & (people.segment[recipients["person"]] == index)]
                inside = (orders["person"] >= 0) & (orders["day"] > day) & (orders["day"] <= day + 49)
                per_person = np.bincount(orders["person"][inside], minlength=people.count)
                bought.append(per_person[person])
            all_of_arm = np.concatenate(bought)
            rates.append(all_of_arm.mean())
            errors.append(all_of_arm.std() / np.sqrt(len(all_of_arm)))
        catalog, followup = mailings.CATALOG_LIFT[name], mailings.FOLLOWUP_LIFT[name]
        assert rates[1] - rates[0] == pytest.approx(catalog, abs=4 * np.hypot(errors[0], errors[1]))
        assert rates[2] - rates[1] == pytest.approx(followup, abs=4 * np.hypot(errors[1], errors[2]))
        if name == "Stammkunde":
            assert rates[1] - rates[0] > 3 * np.hypot(errors[0], errors[1])


def test_the_catalog_pays_for_some_and_not_for_others(world: World) -> None:
    margin = order_cents(world.sales)["margin_kept"][world.sales.orders["cause"] == CHANNELS.index("catalog")].mean()
    profit = {name: lift * margin - mailings.UNIT_COST_CENTS[1] for name, lift in mailings.CATALOG_LIFT.items()}
    assert profit["Stammkunde"] > 0 > profit["Inaktiv"]


def test_missions_respond_to_advertising_as_planned(world: World) -> None:
    for i, channel in enumerate(media.MEDIA):
        code = CHANNELS.index(channel.channel)
        started = np.bincount(world.missions["day"][world.missions["cause"] == code], minlength=world.clock.length)
        beta, error, _ = regress(started, np.ones(world.clock.length), world.plan.saturation[i])
        assert beta[1] == pytest.approx(channel.effect, abs=4 * error[1])
        assert abs(beta[0]) < 4 * error[0]


def test_adstock_of_constant_spend_is_that_spend() -> None:
    assert media.adstock(np.full(200, 50.0), 0.6)[-1] == pytest.approx(50)
    assert media.hill(np.array([7.0]), 7.0, 1.3)[0] == pytest.approx(0.5)


def test_returns_on_advertising_are_those_of_a_real_shop(world: World) -> None:
    table = media_table(world.clock, world.size, world.plan, world.missions, world.sales, DAYS).to_pandas()
    sums = table.groupby("channel")[["spend_eur", "revenue_eur"]].sum()
    roas = sums["revenue_eur"] / sums["spend_eur"]
    assert roas.between(0.8, 9).all()
    assert roas.max() / roas.min() > 1.3


def test_the_storm_is_loud_and_harmless(world: World) -> None:
    first, end = world.story.storm
    posts = make_posts(world.seed, world.size, world.clock, world.story)
    daily = np.bincount(world.clock.day_of(posts["time"]), minlength=world.clock.length)[:DAYS]
    during = np.zeros(DAYS, dtype=bool)
    during[first:end] = True
    assert daily[during].mean() > 6 * daily[~during].mean()
    assert posts["sentiment"][posts["is_storm"]].max() == -1
    orders = np.bincount(world.sales.orders["day"], minlength=world.clock.length)[:DAYS]
    near = np.zeros(DAYS, dtype=bool)
    near[first - 28 : end + 28] = world.clock.is_open[first - 28 : end + 28]
    beta, error, _ = regress(orders[near], *(d[near] for d in weekdays(world)[:6]), during[near].astype(float))
    assert abs(beta[-1]) < 3 * error[-1]


def test_tastes_show_in_what_people_do(world: World) -> None:
    orders, lines = world.sales.orders, world.sales.lines
    taste = np.where(orders["person"] >= 0, world.people.taste[orders["person"]], -1)
    web = orders["channel"] == WEB
    coupons = [float((orders["coupon"][web & (taste == t)] >= 0).mean()) for t in range(3)]
    assert coupons[2] > 0.3 > 0.15 > coupons[0] > coupons[1]
    brand = world.products["brand"][lines["product"]] == world.people.brand[orders["person"][lines["order"]]]
    loyal = [float(brand[(web & (taste == t))[lines["order"]]].mean()) for t in range(3)]
    assert loyal[1] > 2 * loyal[0]


def test_the_shop_looks_like_one(world: World) -> None:
    """The figures a manager sees first are those of a retailer, not of a random generator."""
    orders, visits = world.sales.orders, world.visits
    inside = counts(world.sales, DAYS)
    assert 2_000 < order_cents(world.sales)["revenue_kept"][inside].sum() / 100 / DAYS < 6_000
    conversion = (visits["depth"] == funnel.ORDER).mean()
    assert 0.02 < conversion < 0.04
    channel = np.bincount(visits["channel"], minlength=len(CHANNELS)) / length(visits)
    assert channel.max() < 0.45
    assert (channel > 0.005).sum() >= 9
    mobile = visits["device_type"] == 1
    assert 0.4 < mobile.mean() < 0.6
    assert (visits["depth"][mobile] == funnel.ORDER).mean() < (visits["depth"][~mobile] == funnel.ORDER).mean()
    bought = np.unique(visits["mission"][(visits["depth"] == funnel.ORDER) & (visits["mission"] >= 0)])
    per_mission = np.bincount(visits["mission"][visits["mission"] >= 0])[bought]
    assert 1.3 < per_mission.mean() < 3
    monthly = np.bincount(world.clock.dates[orders["day"]].astype("datetime64[M]").astype(int) % 12)
    assert monthly[11] > 1.2 * monthly[1]
    assert not (orders["day"][orders["channel"] == STORE][:, None] == np.flatnonzero(~world.clock.is_open)).any()
