"""The days of the pipeline and the feeds that fill them, from the sources file."""

from __future__ import annotations

import dagster as dg

from orchestration.feeds import load_feeds
from orchestration.settings import Settings

SETTINGS = Settings.from_environment()
SOURCES = load_feeds(SETTINGS)
DAYS = dg.DailyPartitionsDefinition(start_date=SOURCES.start.isoformat(), timezone=SETTINGS.timezone)
