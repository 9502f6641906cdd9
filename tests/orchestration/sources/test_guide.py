"""What docs/sources.md shows is what happens."""

import io
import re
import textwrap
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestration.sources.check import check_sources
from orchestration.sources.config import load_config
from orchestration.sources.load import load_entity
from tests.orchestration.sources.conftest import KEY, NOW

GUIDE = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
SECRETS = ("S3_KEY", "S3_SECRET", "ERP_PASSWORD", "CRM_TOKEN", "SHOP_PASSWORD")


def indented(first):
    """The indented block that begins with this line."""
    found = re.search(rf"(?m)^    {re.escape(first)}.*\n(?:(?:    .*)?\n)*", GUIDE)
    return textwrap.dedent(found[0]).strip() + "\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "a-secret")
    feeds = [block for block in re.findall(r"(?s)```yaml\n(.*?)```", GUIDE) if block.startswith("  ")]
    (tmp_path / "sources.yaml").write_text("start: 2026-11-01\nfeeds:\n" + "".join(feeds), encoding="utf-8")
    (tmp_path / "inbox").mkdir()
    orders = indented("Auftragsnr;Auftragsdatum")
    (tmp_path / "inbox" / "orders_20261101.csv").write_bytes(orders.replace("\n", "\r\n").encode("cp1252"))
    return load_config(tmp_path / "sources.yaml")


def test_every_feed_is_valid(config):
    assert [feed.kind for feed in config.feeds] == ["files"] * 4 + ["rest", "sql"]


def test_the_erp_example(config, tmp_path):
    out = io.StringIO()
    check_sources(config, key=KEY, timezone="Europe/Berlin", now=NOW.replace(day=2), only="erp_orders", out=out)
    pseudonym = re.compile(r"\b[0-9a-f]{32}\b")
    assert pseudonym.sub("<id>", indented("erp_orders ->")).strip() in pseudonym.sub("<id>", out.getvalue())
    erp = replace(config, feeds=config.feeds[:1])
    [report] = load_entity(
        erp, "orders", [date(2026, 11, 1)], warehouse=tmp_path / "w.duckdb", key=KEY, timezone="Europe/Berlin",
        now=NOW.replace(day=2),
    )  # fmt: skip
    assert (report.rows_loaded, report.rows_quarantined, report.rows_filtered) == (3, 2, 1)


def test_every_reason_code_and_state_is_explained():
    sources = Path(__file__).parents[3] / "orchestration" / "sources"
    code = "".join(path.read_text(encoding="utf-8") for path in sources.glob("*.py"))
    codes = set(
        re.findall(r'"((?:bad|missing|malformed|repeated|in_future|epoch_zero|too|nonexistent)_?[a-z_]*)"', code)
    )
    codes -= {"missing"}  # a state
    known = {"bad_number", "missing_key", "malformed_row", "repeated_header", "epoch_zero", "too_late"}
    assert known <= codes
    unexplained = {c for c in codes if f"`{c}`" not in GUIDE}
    assert not unexplained
