"""How rows and failed checks show in the Dagster UI."""

from __future__ import annotations

import dagster as dg
import pyarrow as pa

_PREVIEW_ROWS = 12


def preview(table: pa.Table) -> dg.MarkdownMetadataValue:
    """Show the first rows of a table."""
    frame = table.slice(0, _PREVIEW_ROWS).to_pandas()
    return dg.MetadataValue.md(frame.to_markdown(index=False, floatfmt=".4g") or "no rows")


def check(name: str, wrong: pa.Table) -> dg.AssetCheckResult:
    """Fail a check that found rows; they are shown with it."""
    return dg.AssetCheckResult(
        check_name=name,
        passed=wrong.num_rows == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"wrong_rows": wrong.num_rows, **({"wrong": preview(wrong)} if wrong.num_rows else {})},
    )
