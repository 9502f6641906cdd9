"""Nothing of `make dev` survives it."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from orchestration import dev_servers


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60 & sleep 60",  # a child that the signal to its parent alone would leave behind
        "trap '' INT; sleep 60 & sleep 60",  # deaf to Ctrl-C
        "exit 3",  # already gone
    ],
)
def test_the_whole_group_ends(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_servers, "_GRACE_SECONDS", 0.5)
    server = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
    time.sleep(0.3)
    dev_servers._end(server)
    server.wait(timeout=5)
    with pytest.raises(ProcessLookupError):
        os.killpg(server.pid, 0)
