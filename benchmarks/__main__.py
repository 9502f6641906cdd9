"""All performance figures, one command after the other: `python -m benchmarks`."""

import subprocess
import sys

# Each in a process of its own, so that its CPU seconds and peak memory are its own.
for name in (
    "ingest",
    "ingest_history",
    "incremental",
    "sessions",
    "rebuild",
    "cji",
    "attribution",
    "coverage_attribution",
    "budget",
    "sentiment",
    "catalog",
    "coverage_catalog",
    "weather",
):
    print(f"\n# {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
