"""The commands behind the Makefile: python -m orchestration demo | run | rebuild | replay | dev | ...; see --help."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

from orchestration.environment import prepare_environment
from orchestration.runs import RunError, RunReport, rebuild, replay_rows, rotate_key, run_days
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_DIR, Settings, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment()
        prepare_environment(settings)
        status: int = parsed.command(settings, parsed)
    except (SettingsError, RunError) as error:
        return _fail(error)
    except Exception as error:
        from orchestration.defs.warehouse.manifest import DbtProjectError
        from orchestration.sources.errors import SourceError

        if isinstance(error, SourceError | DbtProjectError):
            return _fail(error)
        raise
    return status


def _demo(settings: Settings, _: argparse.Namespace) -> int:
    from orchestration.feeds import write_demo_shop

    if settings.sources is not None:
        raise RunError(f"{settings.sources} is there, so this is no demo: use make run, or set NETZPLAN_SOURCES=demo")
    started = time.monotonic()
    first, last = write_demo_shop(settings)
    written = time.monotonic()
    print(f"the shop from {first} to {last} is written; now one run over all its days", flush=True)
    report = run_days(settings, first, last)
    _print_times(report, {"write the shop": written - started}, time.monotonic() - started)
    print("\npublished. Look at it with:  make dev\n")
    return 0


def _run(settings: Settings, parsed: argparse.Namespace) -> int:
    first, last = parsed.first, parsed.last
    if parsed.day:
        if first or last:
            raise RunError("give either DAY or FROM and TO")
        first = last = parsed.day
    if first and not last:
        last = settings.yesterday()
    started = time.monotonic()
    _print_times(run_days(settings, first, last), {}, time.monotonic() - started)
    return 0


def _rebuild(settings: Settings, _: argparse.Namespace) -> int:
    started = time.monotonic()
    _print_times(rebuild(settings), {}, time.monotonic() - started)
    return 0


def _replay(settings: Settings, parsed: argparse.Namespace) -> int:
    told, is_published = replay_rows(settings, parsed.source, parsed.reason)
    print(f"\n{told}")
    print("what came in is built, tested and published" if is_published else "nothing changed, so nothing was rebuilt")
    return 0


def _rotate_key(settings: Settings, _: argparse.Namespace) -> int:
    told = rotate_key(settings)
    print(f"\n{told}")
    return 0


def _dev(settings: Settings, parsed: argparse.Namespace) -> int:
    from orchestration.dev_servers import serve

    if not (settings.serving_dir / "current.json").exists():
        print("nothing is published yet: make demo (or make run) fills the dashboards")
    return serve(settings, dagster_port=parsed.dagster_port, dashboard_port=parsed.dashboard_port)


def _check_sources(settings: Settings, parsed: argparse.Namespace) -> int:
    from orchestration.feeds import load_feeds
    from orchestration.sources.check import check_sources

    config = load_feeds(settings)
    if not config.feeds:
        raise RunError("there is nothing to check yet: write a sources.yaml, or simulate a shop with make demo")
    key = settings.pseudonym_key()
    now = datetime.now(UTC)
    return 1 if check_sources(config, key=key, timezone=settings.timezone, now=now, only=parsed.feed) else 0


def _prepare(_: Settings, __: argparse.Namespace) -> int:
    from orchestration.defs.warehouse.manifest import prepare

    if prepare():
        print("dbt manifest prepared")
    return 0


def _lint_sql(_: Settings, __: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "sqlfluff", "lint", "--disable-progress-bar", "--processes", "2"]
    return subprocess.run([*command, str(DBT_PROJECT_DIR / "models")], cwd=PROJECT_DIR, check=False).returncode


def _print_times(report: RunReport, before: dict[str, float], total: float) -> None:
    seconds = {**before, **{layer: 0.0 for layer in ("raw", "dbt", "ml", "serving")}}
    for step, duration in report.steps:
        layer = re.split(r"[/_]", step)[0]  # Dagster starts dbt several times: dbt, dbt_2, ...
        seconds[layer] = seconds.get(layer, 0.0) + duration
    seconds["start and overhead"] = total - sum(seconds.values())
    print("\nwhere the time went")
    for name, duration in seconds.items():
        print(f"  {duration:7.1f} s  {name}")
    print(f"  {total:7.1f} s  in all")


def _fail(error: Exception) -> int:
    print(f"netzplan: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m orchestration", description="Netzplan's commands.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=function)
        return added

    command("demo", _demo, "simulate the shop, run the whole pipeline over it, publish")
    run = command("run", _run, "run one day, a range of days, or yesterday")
    run.add_argument("--day", type=date.fromisoformat)
    run.add_argument("--from", dest="first", type=date.fromisoformat)
    run.add_argument("--to", dest="last", type=date.fromisoformat)
    command("rebuild", _rebuild, "build everything anew from the raw rows that are there")
    again = command("replay", _replay, "load rows in quarantine once more, after a fix, and rebuild")
    again.add_argument("--source", help="only this feed")
    again.add_argument("--reason", help="only deliveries with rows of this reason code, e.g. bad_number")
    command("rotate-key", _rotate_key, "carry the pseudonyms over to a new key (NETZPLAN_PSEUDONYM_KEYS_BEFORE)")
    dev = command("dev", _dev, "Dagster UI and dashboards on 127.0.0.1")
    dev.add_argument("--dagster-port", type=int, default=3000)
    dev.add_argument("--dashboard-port", type=int, default=8501)
    check = command("check-sources", _check_sources, "try every feed of sources.yaml and say what would not fit")
    check.add_argument("feed", nargs="?", help="only this feed")
    command("prepare", _prepare, "parse the dbt project if it has changed")
    command("lint-sql", _lint_sql, "lint the models with sqlfluff")
    return parser


if __name__ == "__main__":
    sys.exit(main())
