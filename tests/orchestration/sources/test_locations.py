"""Archives and servers: what is there is read, what is not complete is named, and nothing leads out of the folder."""

import gzip
import io
import os
import random
import string
import zipfile
from datetime import date

import pyarrow as pa
import pytest

from orchestration.sources import files, locations
from orchestration.sources.errors import ConfigError, DeliveryError
from tests.orchestration.sources.file_servers import S3Server, SftpServer

DAY, NEXT = date(2026, 1, 1), date(2026, 1, 2)
HEAD = "id,title,cents\n"


def products(**other):
    names = {"product_id": "id", "name": "title", "price": "cents"}
    return {"shop": {"entity": "products", "kind": "files", "columns": names, **other}}


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def names(desk):
    return sorted(name for (name,) in desk.rows("select name from raw.products"))


def zstd(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return sink.getvalue().to_pybytes()


def test_zstandard(desk):
    whole = zstd(f"{HEAD}1,Zelt,5\n".encode()) + zstd(b"2,Boot,6\n")
    desk.write("p.csv.zst", whole)
    desk.feeds = products(path="p.csv.zst")
    desk.load("products")
    assert names(desk) == ["Boot", "Zelt"]
    for broken in (whole[:-3], whole[:4] + b"\xff\xff\xff" + whole[7:]):
        desk.write("p.csv.zst", broken)
        with pytest.raises(DeliveryError, match="deliver it again"):
            desk.load("products")


def test_the_members_of_an_archive_are_files_of_the_day(desk):
    desk.write(
        "p_20260101.zip",
        archive(**{
            "sub/a.csv": f"{HEAD}1,Zelt,5\n", "b.csv": "title,id,cents\nBoot,2,6\n", "readme.txt": "Hello",
            "__MACOSX/._b.csv": "x", ".DS_Store": "x", "c.csv.part": HEAD,
        }),
    )  # fmt: skip
    desk.feeds = products(path="p_{day:%Y%m%d}.zip", member="*.csv")
    reports = desk.load("products", DAY)
    assert [report.file_name for report in reports] == ["p_20260101.zip/b.csv", "p_20260101.zip/sub/a.csv"]
    assert names(desk) == ["Boot", "Zelt"]


def test_a_single_member_needs_no_name(desk):
    desk.write("p.csv.zip", archive(**{"export.csv": f"{HEAD}1,Zelt,5\n"}))
    desk.feeds = products(path="p.csv.zip")
    desk.load("products")
    assert names(desk) == ["Zelt"]


def damaged(content):
    place = len(content) // 3
    return content[:place] + bytes(byte ^ 255 for byte in content[place : place + 40]) + content[place + 40 :]


def encrypted(content):
    marked = bytearray(content)
    marked[marked.index(b"PK\x01\x02") + 8] |= 1
    marked[6] |= 1
    return bytes(marked)


ROWS = HEAD + "".join(f"{n},{random.Random(n).randbytes(20).hex()},5\n" for n in range(500))


@pytest.mark.parametrize(
    ("content", "state", "words"),
    [
        (archive(**{"p.csv": ROWS})[:-30], "truncated", "deliver it again"),
        (damaged(archive(**{"p.csv": ROWS})), "truncated", "deliver the archive again"),
        (archive(**{"other.txt": "x"}), "drifted", r"no member \*\.csv, it holds: other.txt"),
        (encrypted(archive(**{"p.csv": ROWS})), "drifted", "encrypted"),
        (archive(**{"../p.csv": ROWS}), "drifted", "out of the archive"),
        (archive(**{"/etc/p.csv": ROWS}), "drifted", "out of the archive"),
        (archive(**{"..\\p.csv": ROWS}), "drifted", "out of the archive"),
    ],
)
def test_archives_that_cannot_be_used(desk, content, state, words):
    desk.write("p.zip", content)
    desk.feeds = products(path="p.zip", member="*.csv")
    with pytest.raises(DeliveryError, match=words) as caught:
        desk.load("products")
    assert [report.state for report in caught.value.reports] == [state]
    assert names(desk) == []


@pytest.mark.parametrize("name", ["p.csv.gz", "p.csv.zst", "p.csv.zip"])
def test_a_bomb_is_not_unpacked(desk, name, monkeypatch):
    monkeypatch.setattr(locations, "_HARMLESS", 1 << 20)
    content = (HEAD + "1,Zelt,5\n" * 2_000_000).encode()
    packed = {"gz": gzip.compress, "zst": zstd, "zip": lambda data: archive(**{"p.csv": data})}[name.split(".")[-1]]
    desk.write(name, packed(content))
    desk.feeds = products(path=name)
    with pytest.raises(DeliveryError, match="zip bomb") as caught:
        desk.load("products")
    assert [report.state for report in caught.value.reports] == ["drifted"]


def test_a_file_that_is_still_written_is_not_taken(desk, monkeypatch):
    path = desk.write("p.csv", HEAD + "1,Zelt,5\n")
    desk.feeds = products(path="p.csv")
    read = files._csv

    def written_meanwhile(*arguments):
        yield from read(*arguments)
        with path.open("a") as file:
            file.write("2,Boot,6\n")

    monkeypatch.setitem(files._READERS, "csv", written_meanwhile)
    with pytest.raises(DeliveryError, match="changed while it was read") as caught:
        desk.load("products")
    assert [report.state for report in caught.value.reports] == ["truncated"]
    monkeypatch.setitem(files._READERS, "csv", read)
    desk.load("products")
    assert names(desk) == ["Boot", "Zelt"]


def test_unfinished_names_are_passed_over_and_told(desk):
    for name in ("a.csv", "b.csv.part", ".c.csv", "~$d.csv"):
        desk.write(f"20260101/{name}", f"{HEAD}{ord(name[0])},{name},5\n")
    desk.write("20260102/p.csv.filepart", HEAD)
    desk.feeds = products(path="{day:%Y%m%d}/*")
    desk.feeds["shop"]["format"] = "csv"
    assert [report.file_name for report in desk.load("products", DAY)] == ["20260101/a.csv"]
    desk.feeds = products(path="{day:%Y%m%d}/p.csv")
    with pytest.raises(DeliveryError, match=r"not complete yet \(20260102/p.csv.filepart\)"):
        desk.load("products", NEXT)


@pytest.mark.parametrize(
    "path",
    [
        "../p.csv", "/etc/passwd", "a/../../p.csv", "file:///etc/passwd", "local:///etc/passwd", "memory://p.csv",
        "zip://p.csv::file:///tmp/p.zip", "simplecache::s3://bucket/p.csv",
    ],
)  # fmt: skip
def test_no_path_leads_out(desk, path):
    desk.feeds = products(path=path, format="csv")
    with pytest.raises(ConfigError, match=r"leaves the folder|cannot be read; a path without"):
        desk.config()


def test_a_day_cannot_lead_out_either(desk, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "2026.csv"
    outside.write_text(HEAD + "1,secret,1\n")
    inside = os.path.relpath(outside.parent, desk.folder)
    desk.feeds = products(path=f"{{day:x/../{inside}/%Y}}.csv")
    with pytest.raises((ConfigError, DeliveryError, ValueError)):
        desk.load("products")


@pytest.fixture(scope="module")
def s3():
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3, desk, monkeypatch):
    name = "".join(random.choices(string.ascii_lowercase, k=12))
    s3.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    monkeypatch.setenv("S3_KEY", "tester")
    monkeypatch.setenv("S3_SECRET", "very-secret-key")

    def put(key, content):
        s3.client.put_object(Bucket=name, Key=key, Body=content)

    put.name = name
    put.options = {"key": "${S3_KEY}", "secret": "${S3_SECRET}", "endpoint_url": s3.url}
    return put


def test_s3_by_day_and_as_it_grows(desk, bucket):
    bucket("web/2026-01-01/a.csv.gz", gzip.compress(f"{HEAD}1,Zelt,5\n".encode()))
    bucket("web/2026-01-01/b.csv", f"{HEAD}2,Boot,6\n".encode())
    bucket("web/2026-01-02/a.zip", archive(**{"x.csv": f"{HEAD}3,Hut,7\n"}))
    desk.feeds = products(path=f"s3://{bucket.name}/web/{{day}}/*", format="csv", storage_options=bucket.options)
    reports = desk.load("products", DAY)
    assert [report.file_name for report in reports] == [
        f"s3://{bucket.name}/web/2026-01-01/a.csv.gz", f"s3://{bucket.name}/web/2026-01-01/b.csv",
    ]  # fmt: skip
    # The same process sees what came since: listings are not kept.
    bucket("web/2026-01-01/c.csv", f"{HEAD}4,Schuh,8\n".encode())
    desk.load("products", DAY)
    desk.feeds["shop"] |= {"path": f"s3://{bucket.name}/web/{{day}}/*.zip", "member": "*.csv"}
    desk.load("products", NEXT)
    assert names(desk) == ["Boot", "Hut", "Schuh", "Zelt"]


def test_s3_parquet_is_read_from_its_end(desk, bucket):
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"], "title": ["Zelt"], "cents": [5.0], "more": ["x" * 1000]}), sink)
    bucket("p.parquet", sink.getvalue())
    desk.feeds = products(path=f"s3://{bucket.name}/p.parquet", storage_options=bucket.options)
    [report] = desk.load("products")
    assert (report.rows_loaded, names(desk)) == (1, ["Zelt"])


def test_what_s3_has_not_or_refuses_is_red_and_shows_no_secret(desk, bucket, s3):
    desk.feeds = products(path=f"s3://{bucket.name}/p_{{day}}.csv", storage_options=bucket.options)
    with pytest.raises(DeliveryError, match=r"p_2026-01-01.csv does not exist; deliver it"):
        desk.load("products", DAY)
    # Nobody listens there.
    desk.feeds["shop"]["storage_options"] = {
        **bucket.options, "endpoint_url": "http://127.0.0.1:9",
        "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 1},
    }  # fmt: skip
    with pytest.raises(DeliveryError, match="check path: and storage_options:") as caught:
        desk.load("products", DAY)
    assert "very-secret-key" not in str(caught.value)
    assert [report.state for report in caught.value.reports] == ["missing"]


@pytest.fixture
def sftp(desk, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ERP_PASSWORD", "open-sesame")
    with SftpServer(tmp_path_factory.mktemp("erp")) as server:
        known = desk.write("known_hosts", server.known_hosts())
        server.options = {
            "username": "erp", "password": "${ERP_PASSWORD}", "port": server.port, "known_hosts": str(known),
            "look_for_keys": False, "allow_agent": False,
        }  # fmt: skip
        yield server


def test_sftp(desk, sftp):
    (sftp.folder / "out").mkdir()
    (sftp.folder / "out" / "p_20260101.csv").write_text(f"{HEAD}1,Zelt,5\n")
    (sftp.folder / "out" / "p_20260101_b.csv.gz").write_bytes(gzip.compress(f"{HEAD}2,Boot,6\n".encode()))
    (sftp.folder / "out" / "p_20260101_c.csv.filepart").write_text(HEAD)
    (sftp.folder / "out" / "p_20260102.zip").write_bytes(archive(**{"x.csv": f"{HEAD}3,Hut,7\n"}))
    url = "sftp://127.0.0.1/out/"
    desk.feeds = products(path=url + "p_{day:%Y%m%d}*", format="csv", storage_options=sftp.options)
    reports = desk.load("products", DAY)
    assert [report.file_name for report in reports] == [url + "p_20260101.csv", url + "p_20260101_b.csv.gz"]
    desk.feeds["shop"] |= {"path": url + "p_{day:%Y%m%d}.zip"}
    desk.load("products", NEXT)
    assert names(desk) == ["Boot", "Hut", "Zelt"]


@pytest.mark.parametrize("fault", ["password", "host"])
def test_sftp_says_who_did_not_let_us_in(desk, sftp, fault):
    options = dict(sftp.options)
    if fault == "password":
        options["password"] = "wrong-password"
    else:
        options["known_hosts"] = str(desk.write("empty", ""))
    desk.feeds = products(path="sftp://127.0.0.1/p.csv", storage_options=options)
    expected = "AuthenticationException" if fault == "password" else "not found in known_hosts"
    with pytest.raises(DeliveryError, match=f"cannot be asked for.*{expected}") as caught:
        desk.load("products")
    assert "wrong-password" not in str(caught.value)


def test_a_driver_that_is_not_installed_is_named(desk):
    desk.feeds = products(path="gs://bucket/p.csv")
    try:
        import gcsfs  # noqa: F401
    except ImportError:
        with pytest.raises(Exception, match=r"sources.yaml:\d+: gs:// needs a driver.*requirements.local.txt"):
            desk.load("products")
