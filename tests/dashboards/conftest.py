from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboards.serving_fixture import build


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one published version; read only."""
    folder = tmp_path_factory.mktemp("published")
    build(folder)
    return folder
