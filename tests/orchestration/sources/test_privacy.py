"""Machine addresses and user agents reach nothing that is written: not raw, not quarantine, not a note of a problem."""

from datetime import date

import pytest

from orchestration.sources.contract import ENTITIES

DAY = date(2026, 3, 30)
ADDRESS, AGENT = "203.0.113.77", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Planted/4711"
LINE = f'{ADDRESS} - - [30/Mar/2026:%s +0200] "GET %s HTTP/1.1" 200 512 "-" "{AGENT}"\n'


def test_the_contract_has_no_column_for_them():
    names = {name for entity in ENTITIES.values() for name in entity.schema.names}
    assert not [name for name in names if name.endswith("_ip") or name in ("ip", "user_agent")]


def planted(desk):
    shown = "".join(str(desk.rows(f'from raw."{name}"')) for name in ("web_events", "quarantine", "load_batches"))
    data = b"".join(path.read_bytes() for path in (desk.folder / "data").rglob("*") if path.is_file())
    return [trace for trace in (ADDRESS, AGENT, "Planted") if trace in shown or trace.encode() in data]


def test_an_access_log_leaves_no_trace_of_them(desk):
    desk.feeds = {
        "log": {
            "kind": "files",
            "preset": "access_log",
            "let": {"site": "'https://shop.example'"},
            "path": "access_{day:%Y%m%d}.log",
        }
    }
    lines = [LINE % ("10:00:00", "/damen"), LINE % ("99:99:99", "/kaputt"), f"{ADDRESS} {AGENT} no log line\n"]
    desk.write(f"access_{DAY:%Y%m%d}.log", "".join(lines))
    [report] = desk.load("web_events", DAY)
    assert (report.rows_loaded, report.rows_quarantined) == (1, 2)
    assert desk.one("select user_agent_class from raw.web_events") == "human"
    assert planted(desk) == []


@pytest.mark.parametrize("name", ["useragent", "ua", "browser_line"])
def test_a_feed_of_ones_own_leaves_no_trace_of_them(desk, name):
    columns = {
        "event_id": "id", "occurred_at": "at", "event_name": {"const": "page_view"}, "visitor_id": "cookie",
        "user_agent_class": {"sql": f"agent_class({name})"},
    }  # fmt: skip
    desk.feeds = {"log": {"entity": "web_events", "kind": "files", "path": "e_{day:%Y%m%d}.csv", "columns": columns}}
    rows = [
        f'1,2026-03-30 10:00:00,c,"{AGENT}",{ADDRESS}',
        f'2,soon,c,"{AGENT}",{ADDRESS}',
        f'3,c,"{AGENT}",{ADDRESS},x,y',
    ]
    desk.write(f"e_{DAY:%Y%m%d}.csv", f"id,at,cookie,{name},ip\n" + "\n".join(rows) + "\n")
    [report] = desk.load("web_events", DAY)
    assert (report.rows_loaded, report.rows_quarantined) == (1, 2)
    assert planted(desk) == []
