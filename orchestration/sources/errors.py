"""What goes wrong on the way in, said so that the reader can mend it."""

from __future__ import annotations


class SourceError(ValueError):
    """Something about a source is wrong; the message names it and the remedy."""


class ConfigError(SourceError):
    """The sources file is wrong; the message starts with `file:line:`."""


class DeliveryError(SourceError):
    """Required deliveries are missing or damaged. Everything else was loaded, their old rows are untouched.

    Attributes
    ----------
    reports : list of BatchReport
        The batches of the same call, the failed ones included.
    """

    def __init__(self, message: str, reports: list | None = None) -> None:
        super().__init__(message)
        self.reports = reports or []
