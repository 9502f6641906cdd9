"""Where files are: in a folder, inside a zip archive or behind an fsspec URL; never outside what a feed may read."""

from __future__ import annotations

import errno
import fnmatch
import glob
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import fsspec

from orchestration.sources.config import Feed
from orchestration.sources.deliveries import UnreadableError
from orchestration.sources.errors import SourceError

#: Names under which programs keep a file until it is complete.
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".uploading")
#: What an archive or a compressed file may unpack to, and how many times its own size; text reaches about 50.
LARGEST_UNPACKED = 50 << 30
LARGEST_RATIO = 200
_HARMLESS = 100 << 20
#: What zipfile and its decompressors raise when an archive is damaged, encrypted or of an unknown kind.
ARCHIVE_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


@dataclass(slots=True)
class Location:
    """One file: on the disk if `filesystem` is None, inside the archive at `path` if `member` is set."""

    path: str
    filesystem: Any = None
    member: str | None = None


def find(feed: Feed, pattern: str) -> list[tuple[str, Location]]:
    """Files that a path with its day filled in stands for, by the name that is stored; in the order of their names.

    Raises
    ------
    UnreadableError
        The server cannot be asked, or an archive cannot be used.
    SourceError
        The driver of the protocol is not installed.
    """
    found = _remote(feed, pattern) if "://" in pattern else _local(feed, pattern)
    found = [(name, place) for name, place in found if not is_unfinished(name)]
    if not _is_zip(feed):
        return found
    return [
        (f"{name}/{member}", Location(place.path, place.filesystem, member))
        for name, place in found
        for member in _members(feed, place)
    ]


def unfinished(feed: Feed, pattern: str) -> list[str]:
    """Names of local files that look like the one sought, still being written."""
    if "://" in pattern:
        return []
    return [short_name(feed, path) for end in _UNFINISHED for path in sorted(glob.glob(pattern + end))]


def is_unfinished(name: str) -> bool:
    """Whether a name says that its file is none yet: `a.csv.part`, `.a.csv`, Excel's `~$a.xlsx`."""
    last = PurePosixPath(name).name
    return last.casefold().endswith(_UNFINISHED) or last.startswith((".", "~$"))


@contextmanager
def opened(feed: Feed, location: Location) -> Iterator[BinaryIO]:
    """The bytes of a file; afterwards it must be as it was before, or it was read while somebody wrote it.

    Raises
    ------
    UnreadableError
        The file changed meanwhile, or the archive is damaged.
    SourceError
        A link leads out of the folders that the feed may read.
    """
    before = _stamp(feed, location)
    try:
        with _outer(feed, location) as outer:
            if location.member is None:
                yield outer
            else:
                with zipfile.ZipFile(outer) as archive, archive.open(location.member) as inner:
                    yield inner  # type: ignore[misc]
    except ARCHIVE_FAULTS as error:
        if location.member is None:
            raise
        raise UnreadableError("truncated", f"cannot be unpacked ({error}); deliver the archive again") from error
    if _stamp(feed, location) != before:
        raise UnreadableError(
            "truncated",
            "changed while it was read, so it was not complete; have it written under another name (a.csv.part) and "
            "renamed when it is, and run the day again",
        )


def short_name(feed: Feed, path: Any) -> str:
    """Path below the folder it may be read from, URL without user: what is stored names nobody and no machine."""
    if "://" in str(path):
        return re.sub(r"(://)[^/@]*@", r"\1", str(path))
    for root in (feed.directory, *feed.allowed):
        if Path(path).is_relative_to(root):
            return str(Path(path).relative_to(root))
    return str(path)


def explained(feed: Feed, error: Exception) -> str:
    """What a driver said, without the secrets it was given."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return re.sub(r"(://)[^/@\s]*@", r"\1", feed.masked(text))


def _local(feed: Feed, pattern: str) -> list[tuple[str, Location]]:
    paths = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]
    return [(short_name(feed, path), Location(path)) for path in paths if Path(path).is_file()]


def _remote(feed: Feed, url: str) -> list[tuple[str, Location]]:
    protocol = url.split("://", 1)[0]
    options = dict(feed.connection.get("storage_options", {}))
    if protocol == "sftp":
        _register_sftp()
    try:
        # A kept instance would keep its listing too, and a process that runs for weeks never see a new file.
        filesystem, path = fsspec.core.url_to_fs(url, skip_instance_cache=True, **options)
        if glob.has_magic(path):
            details = filesystem.glob(path, detail=True)
            paths = sorted(name for name, detail in details.items() if detail.get("type", "file") == "file")
        else:
            paths = [path] if _is_file(filesystem, path) else []
    except ImportError as error:
        raise SourceError(
            f"{feed.where_from}: {protocol}:// needs a driver: {error}; write it into requirements.local.txt "
            "and run make setup"
        ) from error
    except Exception as error:  # every driver has exceptions of its own
        raise UnreadableError(
            "missing", f"cannot be asked for ({explained(feed, error)}); check path: and storage_options:"
        ) from error
    root = url.split("://", 1)[1].split("/", 1)[0] if protocol in ("sftp", "ftp", "smb", "http", "https") else ""
    names = [name if "://" in name else f"{protocol}://{root}{name}" for name in paths]
    return [(short_name(feed, name), Location(path, filesystem)) for name, path in zip(names, paths, strict=True)]


def _is_file(filesystem: Any, path: str) -> bool:
    # isfile() takes a server that does not answer for a file that is not there.
    try:
        return bool(filesystem.info(path)["type"] == "file")
    except FileNotFoundError:
        return False


def _register_sftp() -> None:
    """Have fsspec connect to hosts that are known only; its own class takes whoever answers for the right one."""
    from fsspec.implementations.sftp import SFTPFileSystem

    class KnownHostsSFTP(SFTPFileSystem):
        def _connect(self) -> None:
            import paramiko  # type: ignore[import-untyped]

            known_hosts = self.ssh_kwargs.pop("known_hosts", None)
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys(known_hosts)
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    fsspec.register_implementation("sftp", KnownHostsSFTP, clobber=True)


def _stamp(feed: Feed, location: Location) -> tuple[Any, ...]:
    """What changes when somebody writes the file."""
    if location.filesystem is None:
        state = _inside(feed, location).stat()
        return state.st_ino, state.st_size, state.st_mtime_ns
    location.filesystem.invalidate_cache()
    info = location.filesystem.info(location.path)
    return tuple(str(info.get(name)) for name in ("size", "ETag", "etag", "mtime", "LastModified", "last_modified"))


def _outer(feed: Feed, location: Location) -> Any:
    if location.filesystem is None:
        return open(_inside(feed, location), "rb")
    return _Seekable(location.filesystem.open(location.path, "rb"))


class _Seekable(io.RawIOBase):
    """A remote file that seeks as files do: paramiko's goes before the first byte and fails later, in a strange way."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return bytes(self._file.read() if size < 0 else self._file.read(size))

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 2:
            self._file.seek(0, 2)
            offset += self.tell()
        elif whence == 1:
            offset += self.tell()
        if offset < 0:
            raise OSError(errno.EINVAL, "before the start of the file")
        self._file.seek(offset)
        return offset

    def close(self) -> None:
        self._file.close()
        super().close()


def _inside(feed: Feed, location: Location) -> Path:
    real = Path(location.path).resolve()
    if not any(real.is_relative_to(root) for root in (feed.directory, *feed.allowed)):
        raise SourceError(
            f"{location.path} is a link to {real}, outside the sources folder; name its folder under allow:"
        )
    return real


def _is_zip(feed: Feed) -> bool:
    return feed.member is not None or (feed.path or "").casefold().endswith(".zip")


def _members(feed: Feed, place: Location) -> list[str]:
    """Names of the members that the feed asks for. Nothing is ever unpacked to the disk, whatever they are called."""
    try:
        with _outer(feed, place) as outer, zipfile.ZipFile(outer) as archive:
            size = outer.seek(0, 2)
            infos = [info for info in archive.infolist() if not info.is_dir() and not _is_clutter(info.filename)]
    except ARCHIVE_FAULTS as error:
        raise UnreadableError("truncated", f"is not a complete archive ({error}); deliver it again") from error
    pattern = feed.member or "*"
    asked = [info for info in infos if fnmatch.fnmatchcase(info.filename, pattern)]
    names = [info.filename for info in asked]
    unpacked = sum(info.file_size for info in asked)
    if not asked:
        held = ", ".join(info.filename for info in infos) or "nothing"
        raise UnreadableError("drifted", f"has no member {pattern}, it holds: {held}; correct member: or the delivery")
    if any(info.flag_bits & 1 for info in asked):
        raise UnreadableError("drifted", "is encrypted; have it delivered without a password, over SFTP if need be")
    if len(set(names)) < len(names) or any(_leads_out(name) for name in names):
        raise UnreadableError("drifted", f"has members named twice or out of the archive ({', '.join(names[:5])})")
    if unpacked > LARGEST_UNPACKED or is_bomb(unpacked, size):
        raise UnreadableError("drifted", f"would unpack to {unpacked:,} bytes from {size:,}; it looks like a zip bomb")
    return sorted(names)


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether so much came out of so little that it cannot be data."""
    return unpacked > _HARMLESS and unpacked > LARGEST_RATIO * max(packed, 1)


def _is_clutter(name: str) -> bool:
    return name.startswith("__MACOSX/") or (is_unfinished(name) and not _leads_out(name))


def _leads_out(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name
