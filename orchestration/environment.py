"""What every process of the pipeline needs in its environment, set in one place."""

from __future__ import annotations

import os
import shutil

from orchestration.settings import PROJECT_DIR, Settings

_ALWAYS = {
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    # Events of a range of days are written together (orchestration/run_storage.py).
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
    # The models solve many small systems: threads of BLAS and OpenMP wait for each other there, and where other
    # programs use the machine too they wait up to forty times as long as they compute.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


def prepare_environment(settings: Settings) -> None:
    """Point Dagster, dbt and dlt to the data folder and switch their reporting off.

    Dagster without DAGSTER_HOME forgets every run when its process ends.
    """
    os.environ.update(_ALWAYS)
    os.environ["NETZPLAN_WAREHOUSE"] = str(settings.warehouse)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", settings.dagster_home / "dagster.yaml")
