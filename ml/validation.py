"""Checks every model makes on its frames, with errors that name the column and the row count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

Frame: TypeAlias = pd.DataFrame | pa.Table


def require_columns(frame: Frame, columns: Iterable[str], name: str) -> None:
    """Raise if `frame` lacks a column or has no rows.

    Raises
    ------
    ValueError
        Naming what is missing and what is there.
    """
    present = list(frame.columns) if isinstance(frame, pd.DataFrame) else list(frame.column_names)
    if missing := sorted(set(columns) - set(present)):
        raise ValueError(f"{name} lacks the column(s) {missing}; it has {present}")
    if len(frame) == 0:
        raise ValueError(f"{name} has 0 rows")


def numbers(
    frame: Frame, column: str, name: str, *, minimum: float | None = None, allow_missing: bool = False
) -> np.ndarray:
    """One column as float64.

    Parameters
    ----------
    minimum : float, optional
        Lowest value allowed.
    allow_missing : bool
        Whether NaN and NULL may pass (as NaN); infinite values never do.

    Raises
    ------
    ValueError
        Naming the column and how many of its rows break the rule.
    """
    series = frame[column] if isinstance(frame, pd.DataFrame) else frame[column].to_pandas()
    try:
        values = pd.to_numeric(series).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}.{column} must hold numbers ({len(series)} rows): {error}") from error
    bad = np.isinf(values) if allow_missing else ~np.isfinite(values)
    if bad.any():
        raise ValueError(f"{name}.{column}: {bad.sum()} of {len(values)} rows are missing or infinite")
    if minimum is not None and (low := values < minimum).any():
        raise ValueError(f"{name}.{column}: {low.sum()} of {len(values)} rows are below {minimum:g}")
    return values


def require_choice(value: Any, choices: Iterable[Any], name: str) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in (known := list(choices)):
        raise ValueError(f"{name} is {value!r}; expected one of {known}")
