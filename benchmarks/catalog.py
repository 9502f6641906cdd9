"""Cost of judging a mailing and of choosing recipients: `python -m benchmarks.catalog [customers] [covariates]`.

Each estimate runs in a process of its own, so that its CPU seconds and its peak memory are its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

CALLS = ("holdout", "no holdout", "targets")


def mailing(customers: int, covariates: int, rng: np.random.Generator) -> pd.DataFrame:
    """Customers with skewed traits, demand mostly zero, and two lists: drawn by lot and chosen by past demand."""
    traits = rng.gamma(1.0, 1.0, (customers, covariates))
    lot = rng.random(customers) < 0.5
    chosen = rng.random(customers) < np.clip(0.2 + 0.2 * traits[:, 0] - 0.05 * traits[:, 1], 0.05, 0.9)
    buys = rng.random(customers) < np.clip(0.05 + 0.03 * traits[:, 0], 0, 0.8)
    frame = pd.DataFrame(traits, columns=[f"trait_{index}" for index in range(covariates)])
    for name, mailed in (("lot", lot), ("chosen", chosen)):
        frame[f"arm_{name}"] = np.where(mailed, "catalog", "holdout")
        frame[f"demand_{name}"] = buys * rng.gamma(2.0, 30.0, customers) + mailed * (2.0 + traits[:, 2])
    return frame


def measure(call: str, customers: int, covariates: int) -> dict[str, float]:
    """CPU seconds, wall seconds and peak memory of one call, without making the customers."""
    from ml.catalog_effect import estimate, targets

    frame = mailing(customers, covariates, np.random.default_rng(1))
    names = [f"trait_{index}" for index in range(covariates)]
    start, cpu = time.perf_counter(), time.process_time()
    same: dict[str, Any] = {"control": "holdout", "unit_cost": 1.0, "margin_share": 0.4, "covariates": names}
    if call == "targets":
        answer = targets(frame, outcome="demand_lot", arm="arm_lot", **same)
        value, low, high = answer.qini, answer.qini_low, answer.qini_high
    else:
        kind = "lot" if call == "holdout" else "chosen"
        found = estimate(frame, outcome=f"demand_{kind}", arm=f"arm_{kind}", placebo="trait_3", **same)
        value, low, high = found.effect, found.effect_low, found.effect_high
    return {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "value": value,
        "low": low,
        "high": high,
    }


def main() -> None:
    customers, covariates = (int(value) for value in (sys.argv[1:3] + ["1000000", "30"][len(sys.argv) - 1 :])[:2])
    print(f"{customers:,} customers x {covariates} covariates\n")
    print("| call | CPU s | wall s | peak MB | estimate |\n|---|---:|---:|---:|---:|")
    for call in CALLS:
        code = (
            f"import json; from benchmarks.catalog import measure; "
            f"print(json.dumps(measure({call!r}, {customers}, {covariates})))"
        )
        run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        found = json.loads(run.stdout)
        print(
            f"| {call} | {found['cpu_seconds']:.0f} | {found['wall_seconds']:.0f} | {found['peak_mb']:.0f} "
            f"| {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}] |",
            flush=True,
        )


if __name__ == "__main__":
    main()
