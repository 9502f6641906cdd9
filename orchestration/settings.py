"""What an installation can set, read once from the environment: paths, time zone, currency, the pseudonym key."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PROJECT_DIR = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_DIR / "dbt_project"
DEMO = "demo"


class SettingsError(ValueError):
    """A setting is missing or wrong; the message says which and how to mend it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation of Netzplan.

    Attributes
    ----------
    data_dir : Path
        Everything that is written: warehouse, published versions, Dagster state, logs.
    sources : Path or None
        The `sources.yaml` to read; None means the simulated demo shop.
    timezone : str
        IANA zone of the business day.
    currency : str
        ISO 4217 code all money is converted to.
    demo_size : str
        Size of the demo shop when `sources` is None.
    sentiment_backend : str or None
        Model that scores public posts (ml/social_sentiment.py); None: the lexicon.
    """

    data_dir: Path
    sources: Path | None
    timezone: str = "Europe/Berlin"
    currency: str = "EUR"
    demo_size: str = "demo"
    sentiment_backend: str | None = None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the settings; raise `SettingsError` naming the variable that is wrong."""
        data_dir = Path(os.environ.get("NETZPLAN_DATA_DIR") or PROJECT_DIR / "data").expanduser().resolve()
        named = os.environ.get("NETZPLAN_SOURCES")
        sources: Path | None
        if named == DEMO:
            sources = None
        elif named:
            sources = Path(named).expanduser().resolve()
            if not sources.is_file():
                raise SettingsError(
                    f"NETZPLAN_SOURCES names {sources}, which is not a file; correct the path or unset it"
                )
        else:
            default = PROJECT_DIR / "sources.yaml"
            sources = default if default.is_file() else None
        timezone = os.environ.get("NETZPLAN_TIMEZONE", "Europe/Berlin")
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(
                f"NETZPLAN_TIMEZONE={timezone!r} is not an IANA time zone; one is Europe/Berlin"
            ) from error
        currency = os.environ.get("NETZPLAN_CURRENCY", "EUR")
        if not (len(currency) == 3 and currency.isalpha() and currency.isupper()):
            raise SettingsError(f"NETZPLAN_CURRENCY={currency!r} is not an ISO 4217 code; one is EUR")
        size, backend = os.environ.get("NETZPLAN_DEMO_SIZE", "demo"), os.environ.get("NETZPLAN_SENTIMENT_BACKEND")
        return cls(data_dir, sources, timezone, currency, size, backend or None)

    @property
    def warehouse(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    @property
    def serving_dir(self) -> Path:
        return self.data_dir / "serving"

    @property
    def dagster_home(self) -> Path:
        return self.data_dir / "dagster"

    @property
    def demo_dir(self) -> Path:
        return self.data_dir / DEMO / self.demo_size

    def yesterday(self) -> date:
        """The last business day that is over."""
        return datetime.now(ZoneInfo(self.timezone)).date() - timedelta(days=1)

    def pseudonym_key(self) -> bytes | tuple[bytes, ...]:
        """The secret of the keyed hash over personal identifiers.

        The demo shop makes one and keeps it in the data folder: its people are not real. A real installation must
        bring its own, because whoever holds the key can link pseudonyms back to e-mail addresses. After a rotation the
        keys before it are part of the secret, the oldest first: a tuple.
        """
        earlier = [
            key.strip() for key in os.environ.get("NETZPLAN_PSEUDONYM_KEYS_BEFORE", "").split(",") if key.strip()
        ]
        key = os.environ.get("NETZPLAN_PSEUDONYM_KEY", "")
        if key:
            if len(key) < 32:
                raise SettingsError(
                    f"NETZPLAN_PSEUDONYM_KEY has {len(key)} characters; at least 32 are needed. "
                    'Make one with: python3 -c "import secrets; print(secrets.token_hex(32))"'
                )
            return (*(before.encode() for before in earlier), key.encode()) if earlier else key.encode()
        if earlier:
            raise SettingsError(
                "NETZPLAN_PSEUDONYM_KEYS_BEFORE is set, but not the key that replaced them; set NETZPLAN_PSEUDONYM_KEY"
            )
        if self.sources is not None:
            raise SettingsError(
                "NETZPLAN_PSEUDONYM_KEY is not set: personal identifiers are hashed with it before they are stored. "
                'Make one with: python3 -c "import secrets; print(secrets.token_hex(32))", '
                "keep it secret and keep it: another key makes other people of the same customers "
                "(to replace it: python -m orchestration rotate-key)"
            )
        path = self.data_dir / DEMO / "pseudonym.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(secrets.token_hex(32))
            path.chmod(0o600)
        return path.read_text().encode()
