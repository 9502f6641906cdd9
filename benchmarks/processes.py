"""CPU seconds and memory of calls that do not see each other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def apart(call: Callable[Given, Result], *arguments: Given.args, **options: Given.kwargs) -> Result:
    """The result of a call made in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments, **options).result()


def megabytes(field: str) -> float:
    """A field of the kernel's book on this process: `getrusage` would begin with the peak of the parent."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float:
    """Largest resident memory since the peak was reset."""
    return megabytes("VmHWM")
