"""Bytes of a text file -> UTF-8 blocks that end with a whole line: unzipped, decoded, byte-order mark removed."""

from __future__ import annotations

import codecs
import io
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pyarrow as pa

from orchestration.sources.deliveries import Delivery, UnreadableError
from orchestration.sources.locations import LARGEST_UNPACKED, is_bomb

_READ = 1 << 20
_BLOCK = 16 << 20
_LONGEST_LINE = 256 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
#: First bytes of the characters U+0300 to U+037F, such as the dots of a decomposed umlaut.
_COMBINING = (b"\xcc", b"\xcd")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class TextBlocks:
    """Iterates over blocks of about 16 MB.

    Attributes
    ----------
    is_last : bool
        Whether the block just yielded is the last one; only that one may lack its line end.
    any_text : bool
        Whether the file holds anything but white space.
    has_bad_bytes : bool
        Whether bytes did not fit the encoding; they stand as U+FFFD in the blocks.
    """

    def __init__(self, raw: Any, delivery: Delivery) -> None:
        self._raw = raw
        self._packed = 0
        self._skip = delivery.feed.skip_lines
        self.encoding = delivery.feed.encoding
        self.is_last = False
        self.any_text = False
        self.has_bad_bytes = False

    def __iter__(self) -> Iterator[bytes]:
        parts: list[bytes] = []
        size = 0
        held: bytes | None = None
        for data in self._utf8():
            parts.append(data)
            size += len(data)
            if size < _BLOCK:
                continue
            pending = b"".join(parts)
            cut = pending.rfind(b"\n") + 1
            if not cut and len(pending) > _LONGEST_LINE:
                raise UnreadableError(
                    "drifted", f"has a line of more than {_LONGEST_LINE:,} bytes; look at its line ends"
                )
            if cut:
                if held is not None:
                    yield self._checked(held)
                held, pending = pending[:cut], pending[cut:]
            parts, size = [pending], len(pending)
        pending = b"".join(parts)
        if held is not None:
            self.is_last = not pending
            yield self._checked(held)
        self.is_last = True
        if pending:
            yield self._checked(pending)

    def _checked(self, block: bytes) -> bytes:
        if codecs.BOM_UTF8 in block:  # files that were joined end to end
            block = block.removeprefix(codecs.BOM_UTF8).replace(b"\n" + codecs.BOM_UTF8, b"\n")
        for _ in range(self._skip):
            block = block[block.find(b"\n") + 1 or len(block) :]
        self._skip = 0
        self.any_text = self.any_text or not block.isspace()
        try:
            block.decode()
        except UnicodeDecodeError:
            self.has_bad_bytes = True
            block = block.decode(errors="replace").encode()
        if any(lead in block for lead in _COMBINING):
            # The same word in two spellings of its bytes would be two categories, two towns, two keys.
            block = unicodedata.normalize("NFC", block.decode()).encode()
        return block

    def _utf8(self) -> Iterator[bytes]:
        data = self._unpacked()
        first = b""
        for first in data:
            if first:
                break
        self.encoding = next((name for mark, name in _MARKS if first.startswith(mark)), self.encoding)
        if codecs.lookup(self.encoding).name in ("utf-8", "ascii", "utf-8-sig"):
            yield first.removeprefix(codecs.BOM_UTF8)
            yield from data
            return
        wide = codecs.lookup(self.encoding).name.startswith(("utf-16", "utf-32"))
        utf8 = None if wide else codecs.getincrementaldecoder("utf-8")()
        any_special = False
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace" if wide else "surrogateescape")
        for part in chain([first], data, [None]):
            if utf8 is not None:
                any_special = any_special or not (part or b"").isascii()
                try:
                    utf8.decode(part or b"", final=part is None)
                except UnicodeDecodeError:
                    utf8 = None
            yield self._encode(decoder.decode(part or b"", final=part is None))
        if utf8 is not None and any_special:
            # Every byte of UTF-8 is some letter of cp1252: read so, Grün would be GrÃ¼n, and nothing would fail.
            raise UnreadableError(
                "drifted", f"is UTF-8 now, the feed says {self.encoding}; correct encoding: or the delivery"
            )

    def _encode(self, text: str) -> bytes:
        try:
            encoded = text.encode()
        except UnicodeEncodeError:  # surrogates stand for bytes the encoding does not know
            self.has_bad_bytes = True
            encoded = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        return encoded

    def _unpacked(self) -> Iterator[bytes]:
        first = self._raw.read(_READ)
        if first.startswith(_GZIP_MAGIC):
            parts = self._unzipped(first)
        elif first.startswith(_ZSTD_MAGIC):
            parts = self._from_zstd(first)
        else:
            while first:
                yield first
                first = self._raw.read(_READ)
            return
        unpacked = 0
        for part in parts:
            unpacked += len(part)
            if unpacked > LARGEST_UNPACKED or is_bomb(unpacked, self._packed):
                raise UnreadableError("drifted", f"unpacks to more than {unpacked:,} bytes; it looks like a zip bomb")
            yield part

    def _next(self) -> bytes:
        data = self._raw.read(_READ)
        self._packed += len(data)
        return data

    def _unzipped(self, data: bytes) -> Iterator[bytes]:
        self._packed = len(data)
        unzip = zlib.decompressobj(wbits=31)
        try:
            while data:
                # Piece by piece: a megabyte of zeros that were packed is a gigabyte.
                yield unzip.decompress(data, _BLOCK)
                data = unzip.unconsumed_tail
                if unzip.eof:  # several gzip members may follow each other
                    data = unzip.unused_data or self._next()
                    if data.strip(b"\0"):
                        unzip = zlib.decompressobj(wbits=31)
                    else:
                        data = b""
                data = data or (b"" if unzip.eof else self._next())
        except zlib.error as error:
            raise UnreadableError("truncated", f"is damaged inside ({error}); deliver it again") from error
        if not unzip.eof:
            raise UnreadableError("truncated", "breaks off; deliver the complete file again")

    def _from_zstd(self, first: bytes) -> Iterator[bytes]:
        self._packed = len(first)
        source = pa.PythonFile(_Rest(first, self._next), mode="r")
        try:
            stream = pa.CompressedInputStream(source, "zstd")
            while part := stream.read(_READ):
                yield part
        except OSError as error:
            raise UnreadableError("truncated", f"breaks off or is damaged ({error}); deliver it again") from error


class _Rest(io.RawIOBase):
    """A file of which the first bytes were read already."""

    def __init__(self, first: bytes, more: Callable[[], bytes]) -> None:
        self._held = first
        self._more = more

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        held = self._held or self._more()
        size = len(held) if size < 0 else size
        self._held = held[size:]
        return held[:size]
