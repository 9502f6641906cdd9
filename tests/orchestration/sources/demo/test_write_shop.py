"""What `write_shop` promises: the same shop for the same settings, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.sources import demo
from orchestration.sources.config import load_config
from orchestration.sources.contract import ENTITIES
from orchestration.sources.demo import shop as simulation
from orchestration.sources.demo import write_shop
from tests.orchestration.sources.demo.conftest import DAYS, END, Shop

SHORT = 60


def fingerprint(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def short_shop(directory: Path, **settings: int) -> dict[str, str]:
    write_shop(directory, size="tests", end=END, days=SHORT, **settings)
    return fingerprint(directory)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    directory = tmp_path_factory.mktemp("same") / "shop"
    return directory, short_shop(directory)


def test_the_same_settings_give_the_same_bytes(first: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    assert short_shop(tmp_path / "shop") == first[1]


def test_another_seed_gives_another_shop(first: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    other = short_shop(tmp_path / "shop", seed=8)
    assert sum(other[name] == digest for name, digest in first[1].items() if name.startswith("erp/auf")) == 0


def test_further_days_do_not_change_the_history(first: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    longer = short_shop(tmp_path / "shop", ahead_days=3)
    assert len(longer) > len(first[1])
    for name, digest in first[1].items():
        assert longer[name] == digest or name.startswith("truth"), name
    facts = [json.loads((d / "truth.json").read_text()) for d in (first[0], tmp_path / "shop")]
    for section in ("web", "sales", "media", "catalog", "weather", "story"):
        assert facts[0][section] == facts[1][section]


def test_a_shop_that_is_there_is_not_written_again(
    first: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "build", lambda *_: pytest.fail("was simulated again"))
    assert write_shop(first[0], size="tests", end=END, days=SHORT) == first[0] / "sources.yaml"


def test_an_interrupted_write_leaves_the_old_shop_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = short_shop(tmp_path / "shop")

    def fail(directory: Path, *_: object) -> None:
        (directory / "web").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "build", fail)
    with pytest.raises(KeyboardInterrupt):
        write_shop(tmp_path / "shop", size="tests", end=END, days=SHORT, seed=9)
    assert fingerprint(tmp_path / "shop") == before
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_what_a_killed_process_left_is_removed_unless_it_may_still_be_written(tmp_path: Path) -> None:
    for name, age in ((".shop-old", 2 * demo.LEFTOVER_SECONDS), (".shop-new", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    short_shop(tmp_path / "shop")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".shop-new", "shop"]


def test_other_settings_replace_the_shop(tmp_path: Path) -> None:
    short_shop(tmp_path / "shop")
    write_shop(tmp_path / "shop", size="tests", end=date(2026, 9, 30), days=SHORT)
    assert not list((tmp_path / "shop").rglob("*202610*"))


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ValueError, match="not a demo shop"):
        write_shop(tmp_path, size="tests", end=END)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"size": "huge"}, "tests, demo"), ({"days": 10}, "at least 60"), ({"ahead_days": 99}, "between 0 and 35")],
)
def test_settings_out_of_range_are_named(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_shop(tmp_path / "shop", **({"size": "tests", "end": END} | settings))


def test_the_configuration_reads_every_feed_of_every_day(shop: Shop) -> None:
    config = load_config(shop.directory / "sources.yaml")
    assert config.start == shop.start
    assert {feed.entity for feed in config.feeds} == set(ENTITIES)
    for feed in config.feeds:
        assert feed.path is not None
        days = [day for day in shop.days() if feed.covers(day)] if feed.is_daily else [END]
        assert days
        for day in days:
            assert (shop.directory / feed.path.format(day=day)).is_file(), (feed.name, day)


def test_the_two_web_feeds_share_no_day_and_leave_none_out(shop: Shop) -> None:
    config = load_config(shop.directory / "sources.yaml")
    web = config.of_entity("web_events")
    assert [sum(feed.covers(day) for feed in web) for day in shop.days()] == [1] * DAYS


def test_the_small_shop_is_small(shop: Shop) -> None:
    assert 17_000 < shop.truth["web"]["rows"] < 25_000


def test_big_shops_come_in_spans_that_fit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same visits, cut into many spans of days: no event is lost, doubled or delivered out of order."""
    tiny = demo.SIZES["tests"]
    big = type(tiny)(web=0.5, trade=0.1, people=0.5, social=0.1, web_only=True)
    monkeypatch.setitem(demo.SIZES, "bench10m", big)
    monkeypatch.setattr(demo.bench, "VISITS_PER_SPAN", 300)
    write_shop(tmp_path / "shop", size="bench10m", end=END, days=SHORT)
    facts = json.loads((tmp_path / "shop" / "truth.json").read_text())
    cut = Shop(tmp_path / "shop", facts)
    [(rows, ids, purchases, orders, late)] = duckdb.sql(f"""
        SELECT
            count(*), count(DISTINCT (user_pseudo_id, event_timestamp, event_name, batch_event_index)),
            count(*) FILTER (event_name = 'purchase'), count(DISTINCT ecommerce.transaction_id),
            count(*) FILTER (event_date < regexp_extract(filename, '(\\d{{8}})[.]', 1))
        FROM read_parquet('{cut.directory}/web/*.parquet', filename = true)
    """).fetchall()
    assert rows == facts["web"]["rows"]
    assert rows - ids == facts["web"]["duplicates"] > 0
    assert 0 < late < 0.04 * rows
    assert 0 < orders <= purchases <= orders + 5
