"""What a day may bring: raw guarantees event date in [delivery - late_days, delivery + 1]."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.orchestration.sources.conftest import Desk

DAY = date(2026, 3, 30)
BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS = {"event_id": "id", "occurred_at": "at", "event_name": "name", "visitor_id": "who"}


def events(**other):
    return {"entity": "web_events", "kind": "files", "path": "events_{day:%Y%m%d}.csv", "columns": COLUMNS, **other}


def write(desk, *moments, name=f"events_{DAY:%Y%m%d}.csv"):
    lines = (f"{number},{moment.isoformat()},page_view,v\n" for number, moment in enumerate(moments))
    desk.write(name, "id,at,name,who\n" + "".join(lines))


moments = st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 6)).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(moments, min_size=1, max_size=30), late_days=st.sampled_from([0, 3, 7]))
def test_rows_of_other_days_wait_aside(tmp_path_factory, found, late_days):
    """The clock changes on 29 March: the days before it begin at 23:00 UTC, those after at 22:00."""
    desk = Desk(tmp_path_factory.mktemp("desk"), {"web": events(late_days=late_days)})
    write(desk, *found)
    [report] = desk.load("web_events", DAY)
    dates = [moment.astimezone(BERLIN).date() for moment in found]
    late = sum(day < DAY - timedelta(days=late_days) for day in dates)
    early = sum(day > DAY + timedelta(days=1) for day in dates)
    reasons = dict(desk.rows("select reason_code, count(*) from raw.quarantine group by all"))
    assert reasons == {code: n for code, n in {"too_late": late, "too_early": early}.items() if n}
    assert report.rows_loaded == len(found) - late - early


def test_the_reason_says_what_to_set_and_a_longer_wait_lets_it_in(desk):
    desk.feeds = {"web": events()}
    write(desk, datetime(2026, 3, 25, 12, tzinfo=UTC))
    desk.load("web_events", DAY)
    code, reason = desk.one("select reason_code, reason from raw.quarantine")
    assert (code, "is more than 3 days older than its delivery (late_days)" in reason) == ("too_late", True)
    desk.feeds = {"web": events(late_days=5)}
    [report] = desk.load("web_events", DAY)
    assert report.rows_loaded == 1


def test_a_snapshot_and_other_content_have_no_such_limit(desk, orders):
    desk.feeds = {"web": events(path="events.csv"), "erp": orders()}
    write(desk, datetime(2025, 1, 1, tzinfo=UTC), name="events.csv")
    desk.write(f"orders_{DAY:%Y%m%d}.csv", "Nr;Datum;Kunde;PLZ;Netto;Status\n1;01.01.2025 10:00:00;a;1;1;open\n")
    assert desk.load("web_events", DAY)[0].rows_loaded == 1
    assert desk.load("orders", DAY)[0].rows_loaded == 1


def test_clocks_that_are_wrong_move_nothing(desk):
    """Two years ahead and epoch 0 wait aside, so no newest event or day is made of them."""
    desk.feeds = {"web": events()}
    right = datetime(2026, 3, 30, 12, tzinfo=UTC)
    write(
        desk,
        right,
        datetime(2028, 3, 30, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 12, 11, tzinfo=UTC),
    )
    desk.load("web_events", DAY)
    assert dict(desk.rows("select reason_code, count(*) from raw.quarantine group by all")) == {
        "in_future": 2, "epoch_zero": 1,
    }  # fmt: skip
    assert desk.one("select min(occurred_at), max(occurred_at) from raw.web_events") == (right, right)
    assert desk.one("""select max(try_cast("window" as date)) from raw.load_batches""") == DAY
