"""Bytes of a text file -> UTF-8 blocks that end with a whole line: unzipped, decoded, byte-order mark removed."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from typing import Any

from orchestration.sources.deliveries import Delivery, UnreadableError

_READ = 1 << 20
_BLOCK = 16 << 20
_GZIP_MAGIC = b"\x1f\x8b"
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
        self.encoding = delivery.feed.encoding
        self.is_last = False
        self.any_text = False
        self.has_bad_bytes = False

    def __iter__(self) -> Iterator[bytes]:
        pending = b""
        held: bytes | None = None
        for data in self._utf8():
            pending += data
            if len(pending) < _BLOCK:
                continue
            cut = pending.rfind(b"\n") + 1
            if cut:
                if held is not None:
                    yield self._checked(held)
                held, pending = pending[:cut], pending[cut:]
        if held is not None:
            self.is_last = not pending
            yield self._checked(held)
        self.is_last = True
        if pending:
            yield self._checked(pending)

    def _checked(self, block: bytes) -> bytes:
        self.any_text = self.any_text or not block.isspace()
        try:
            block.decode()
        except UnicodeDecodeError:
            self.has_bad_bytes = True
            block = block.decode(errors="replace").encode()
        return block

    def _utf8(self) -> Iterator[bytes]:
        data = self._unzipped()
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
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace" if wide else "surrogateescape")
        yield self._encode(decoder.decode(first))
        for part in data:
            yield self._encode(decoder.decode(part))
        yield self._encode(decoder.decode(b"", final=True))

    def _encode(self, text: str) -> bytes:
        try:
            encoded = text.encode()
        except UnicodeEncodeError:  # surrogates stand for bytes the encoding does not know
            self.has_bad_bytes = True
            encoded = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        return encoded

    def _unzipped(self) -> Iterator[bytes]:
        first = self._raw.read(_READ)
        if not first.startswith(_GZIP_MAGIC):
            while first:
                yield first
                first = self._raw.read(_READ)
            return
        unzip = zlib.decompressobj(wbits=31)
        try:
            while first:
                yield unzip.decompress(first)
                if unzip.eof:  # several gzip members may follow each other
                    first = unzip.unused_data or self._raw.read(_READ)
                    if first.strip(b"\0"):
                        unzip = zlib.decompressobj(wbits=31)
                    else:
                        first = b""
                else:
                    first = self._raw.read(_READ)
        except zlib.error as error:
            raise UnreadableError("truncated", f"is damaged inside ({error}); deliver it again") from error
        if not unzip.eof:
            raise UnreadableError("truncated", "breaks off; deliver the complete file again")
