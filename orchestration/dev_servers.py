"""The Dagster UI and the dashboards side by side, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from orchestration.settings import PROJECT_DIR, Settings

_GRACE_SECONDS = 20.0


def serve(settings: Settings, *, dagster_port: int, dashboard_port: int) -> int:
    """Serve on 127.0.0.1 until Ctrl-C, SIGTERM, or one of the two ends; return an exit status."""
    commands = {
        f"Dagster UI  http://127.0.0.1:{dagster_port}": [
            *("-m", "dagster", "dev", "--log-level", "warning"),
            *("--host", "127.0.0.1", "--port", str(dagster_port)),
        ],
        f"Dashboards  http://127.0.0.1:{dashboard_port}": [
            *("-m", "streamlit", "run", str(Path("streamlit_app.py"))),
            *("--server.address", "127.0.0.1", "--server.port", str(dashboard_port), "--server.headless", "true"),
            *("--browser.gatherUsageStats", "false"),
        ],
    }
    environment = {
        **os.environ,
        "NETZPLAN_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_DIR), os.environ.get("PYTHONPATH")])),
    }
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _: stopping.append(caught))
    servers: list[subprocess.Popen[bytes]] = []
    try:
        for title, arguments in commands.items():
            # Streamlit reads its configuration from the folder it starts in.
            folder = PROJECT_DIR / "dashboards" if "streamlit" in arguments else PROJECT_DIR
            # A group of its own each: Dagster's children outlive it when only Dagster gets the signal.
            servers.append(
                subprocess.Popen(
                    [sys.executable, "-W", "ignore", *arguments], cwd=folder, env=environment, start_new_session=True
                )
            )
            print(f"  {title}", flush=True)
        print("  Ctrl-C ends both\n", flush=True)
        while not stopping and all(server.poll() is None for server in servers):
            time.sleep(0.3)
    finally:
        for server in servers:
            _end(server)
    if stopping:
        return 0
    print("one of the two ended by itself; its output above says why", file=sys.stderr)
    return 1


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end, then make it."""
    for number, patience in ((signal.SIGINT, _GRACE_SECONDS), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if not _signal_group(server, number):
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            server.poll()
            if not _signal_group(server, 0):
                return
            time.sleep(0.1)


def _signal_group(server: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the group; False when nobody is left in it."""
    try:
        os.killpg(server.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
