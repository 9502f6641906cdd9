"""A German retailer that does not exist: it delivers its feeds like real systems do, and its truth is known."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.sources.demo import bench, shop
from orchestration.sources.demo.sizes import SIZES

#: No shop takes that long to write.
LEFTOVER_SECONDS = 3600

__all__ = ["SIZES", "write_shop"]


def write_shop(
    directory: Path, *, size: str = "demo", end: date, days: int = 400, ahead_days: int = 0, seed: int = 7
) -> Path:
    """Write the shop's deliveries, its truth and the `sources.yaml` that reads them.

    Nothing is done if the directory holds this very shop already. A shop of other settings is replaced.

    Parameters
    ----------
    directory : Path
        Made if it does not exist. `truth.json` and `truth/*.parquet` in it hold the truth.
    size : str
        Key of `SIZES`: tests, demo, bench10m, bench50m. The bench sizes deliver web events only.
    end : date
        Last day of the history.
    days : int
        Length of the history, at least 60.
    ahead_days : int
        Further days of deliveries behind `end`, at most 35. They do not change the history.
    seed : int
        Another seed makes another shop.

    Returns
    -------
    Path
        The `sources.yaml`.

    Raises
    ------
    ValueError
        If a setting is out of its range, or the directory holds something that is not a shop.
    """
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; it must be one of {', '.join(SIZES)}")
    if days < 60:
        raise ValueError(f"days is {days}; the planted effects need at least 60")
    if not 0 <= ahead_days <= shop.MARGIN_DAYS:
        raise ValueError(f"ahead_days is {ahead_days}; it must be between 0 and {shop.MARGIN_DAYS}")
    identity = {"size": size, "end": end.isoformat(), "days": days, "ahead_days": ahead_days, "seed": seed}
    identity |= {"code": _code_version()}
    config = directory / "sources.yaml"
    if _is_shop(directory, identity):
        return config
    if directory.exists() and any(directory.iterdir()) and not _is_shop(directory, {}):
        raise ValueError(f"{directory} holds something that is not a demo shop; choose another folder or empty it")
    directory.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(directory)
    # Written beside and renamed: whoever finds the folder finds a whole shop in it.
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        (fresh / "new").mkdir()
        build = bench.build if SIZES[size].web_only else shop.build
        build(fresh / "new", identity, end)
        if not _is_shop(directory, identity):  # somebody else may have been faster
            if directory.exists():
                directory.rename(fresh / "old")
            (fresh / "new").rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return config


def _remove_leftovers(directory: Path) -> None:
    """Remove what a killed process left behind; younger folders may belong to one that is still writing."""
    for path in directory.parent.glob(f".{directory.name}-*"):
        if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _is_shop(directory: Path, identity: dict[str, Any]) -> bool:
    """Whether the directory holds a whole shop with at least these settings."""
    try:
        found = json.loads((directory / "truth.json").read_text(encoding="utf-8"))["shop"]
    except (OSError, ValueError, KeyError):
        return False
    return bool(found.items() >= identity.items())


def _code_version() -> str:
    """Hash of this package: other code, other shop."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
