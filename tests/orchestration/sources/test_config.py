import json
import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from orchestration.sources.config import Column, load_config, presets
from orchestration.sources.contract import ENTITIES
from orchestration.sources.errors import ConfigError

GOOD = """\
start: 2026-01-01
feeds:
  shop:
    entity: products
    kind: files
    path: products.csv
    columns:
      product_id: id
      name: title
      currency: {const: EUR}
      price: {sql: "cents / 100"}
"""


def load(folder: Path, text: str, **options):
    path = folder / "sources.yaml"
    path.write_text(text)
    return load_config(path, **options)


def test_a_feed_is_read_with_its_mapping(tmp_path):
    config = load(tmp_path, GOOD)
    [feed] = config.feeds
    assert config.start == date(2026, 1, 1)
    assert (feed.name, feed.entity, feed.format, feed.is_daily) == ("shop", "products", "csv", False)
    assert feed.columns["price"] == Column(sql="cents / 100")
    assert feed.columns["currency"] == Column(const="EUR")


@pytest.mark.parametrize(
    ("old", "new", "line", "remedy"),
    [
        ("    path: products.csv", "    paht: products.csv", 6, "did you mean 'path'"),
        ("entity: products", "entity: product", 4, "did you mean 'products'"),
        ("kind: files", "kind: file", 5, "did you mean 'files'"),
        ("      name: title", "      nmae: title", 9, "did you mean 'name'"),
        ("      name: title\n", "", 7, "map it, e.g. name:"),
        ("    path: products.csv\n", "", 3, "add path:"),
        ("path: products.csv", "path: ../products.csv", 6, "allow:"),
        ("path: products.csv", "path: /etc/passwd", 6, "allow:"),
        ("path: products.csv", "path: products", 6, "add format:"),
        ("path: products.csv", "path: 'p_{date}.csv'", 6, "{day:%Y%m%d}"),
        ("path: products.csv", "path: '{day.__class__}.csv'", 6, "{day:%Y%m%d}"),
        ("start: 2026-01-01\n", "", 1, "start: 2025-10-01"),
        ("    kind: files", "    kind: files\n    kind: rest", 6, "remove one"),
        ("    kind: files", "    kind: files\n    timezone: Europe/Berln", 6, "Europe/Berlin"),
        ("    kind: files", "    kind: files\n    preset: ga4_bigqery", 6, "did you mean"),
        ("    kind: files", "    kind: files\n    decimal: ';'", 6, "possible"),
        ("path: products.csv", "path: ${NO_SUCH_VARIABLE}.csv", 6, "export it"),
        ("      name: title", "      name: [title]", 9, "Where a contract column comes from"),
        ("  shop:", "\tshop:", 3, "correct the line"),
    ],
)
def test_a_mistake_names_its_line_and_the_remedy(tmp_path, old, new, line, remedy):
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'sources.yaml'}:{line}: "), message
    assert remedy in message


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read.*correct the path"):
        load_config(tmp_path / "nothing.yaml")


def test_other_folders_are_read_when_allowed(tmp_path):
    text = "allow: [../shared]\n" + GOOD.replace("path: products.csv", "path: ../shared/products.csv")
    [feed] = load(tmp_path, text).feeds
    assert feed.path == str(tmp_path.parent / "shared" / "products.csv")


def test_secrets_come_from_the_environment_and_are_not_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-token")
    text = GOOD.replace(
        "kind: files\n    path: products.csv",
        "kind: rest\n    url: https://shop.example/products\n    paginator: {type: single_page}\n"
        "    auth: {type: bearer, token: '${SHOP_TOKEN}'}",
    )
    [feed] = load(tmp_path, text).feeds
    assert feed.connection["auth"]["token"] == "s3cret-token"
    assert "s3cret" not in repr(feed)


def test_a_preset_is_overridden_key_by_key(tmp_path):
    text = """\
start: 2026-01-01
feeds:
  web:
    kind: files
    preset: ga4_bigquery
    path: events_{day:%Y%m%d}.jsonl.gz
    columns: {country: {const: DE}, search_term: null}
"""
    [feed] = load(tmp_path, text).feeds
    assert feed.entity == "web_events"
    assert feed.columns["country"] == Column(const="DE")
    assert feed.columns["visitor_id"] == Column(source="user_pseudo_id")
    assert "search_term" not in feed.columns


@pytest.mark.parametrize("preset", sorted(presets()))
def test_every_preset_makes_a_valid_feed(tmp_path, preset, monkeypatch):
    for name in re.findall(r"\$\{(\w+)\}", presets()[preset].read_text(encoding="utf-8")):
        monkeypatch.setenv(name, "https://api.example")
    let = yaml.safe_load(presets()[preset].read_text(encoding="utf-8")).get("let", {})
    feed = {"kind": "files", "preset": preset, "path": "x.jsonl"}
    feed["let"] = {name: "'given'" for name, expression in let.items() if expression is None}
    [feed] = load(tmp_path, yaml.safe_dump({"start": date(2026, 1, 1), "feeds": {"x": feed}})).feeds
    assert set(ENTITIES[feed.entity].key) <= set(feed.columns)


def test_the_demo_expands_to_the_shops_own_feeds(tmp_path):
    shop = tmp_path / "shop" / "sources.yaml"
    shop.parent.mkdir()
    shop.write_text(GOOD)
    sizes = []

    def write(size):
        sizes.append(size)
        return shop

    config = load(tmp_path, "feeds: {everything: {kind: demo, size: tests}}", demo_writer=write)
    assert sizes == ["tests"]
    assert [feed.name for feed in config.feeds] == ["shop"]
    assert config.start == date(2026, 1, 1)
    with pytest.raises(ConfigError, match="name real sources"):
        load(tmp_path, "feeds: {everything: {kind: demo}}")


def test_the_schema_knows_every_entity():
    schema = json.loads((Path(__file__).parents[3] / "orchestration/sources/sources.schema.json").read_text())
    assert schema["$defs"]["feed"]["properties"]["entity"]["enum"] == list(ENTITIES)


def test_a_feed_may_use_the_names_of_the_contract(tmp_path):
    text = re.sub(r"    columns:\n(      .*\n)+", "", GOOD)
    [feed] = load(tmp_path, text).feeds
    assert feed.columns["brand"] == Column(source="brand")
