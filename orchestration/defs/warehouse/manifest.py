"""dbt's view of the project, parsed once and kept until a file of the project changes. No Dagster import.

Parsing costs seconds, loading what was parsed costs a tenth of one. Two forms are kept: the JSON, from which the
assets are made, and dbt's own binary, which lets a build start in this process without parsing (the JSON cannot:
it drops the arguments of generic tests).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.settings import DBT_PROJECT_DIR

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_PARSED_SUFFIXES = {".sql", ".yml", ".yaml", ".md", ".csv"}
_PREPARED = "prepared.sha256"


class DbtProjectError(RuntimeError):
    """The dbt project does not parse; the message is dbt's."""


def prepare(project_dir: Path = DBT_PROJECT_DIR) -> bool:
    """Parse the project unless what was parsed is still what is there; say whether it was parsed."""
    with _locked(project_dir):
        return _prepare(project_dir)


@cache
def load_json(project_dir: Path = DBT_PROJECT_DIR) -> dict[str, Any]:
    """Return the manifest as the assets are made from it."""
    with _locked(project_dir):
        _prepare(project_dir)
        manifest: dict[str, Any] = json.loads((project_dir / "target" / "manifest.json").read_text(encoding="utf-8"))
    _attach_tests(manifest)
    return manifest


def load_native(project_dir: Path = DBT_PROJECT_DIR) -> Manifest:
    """Return the manifest as dbt's own object; a fresh one each time, because a build writes into it."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    with _locked(project_dir):
        _prepare(project_dir)
        packed = (project_dir / "target" / "partial_parse.msgpack").read_bytes()
    manifest: Manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    return manifest


def _prepare(project_dir: Path) -> bool:
    target = project_dir / "target"
    fingerprint = project_fingerprint(project_dir)
    mark = target / _PREPARED
    if mark.is_file() and mark.read_text() == fingerprint:
        return False
    from dbt.cli.main import dbtRunner

    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    paths = ["--project-dir", str(project_dir), "--profiles-dir", str(project_dir)]
    paths += ["--target-path", str(target), "--log-path", str(target)]
    result = dbtRunner().invoke(["--log-level", "error", "parse", *paths])
    if not result.success:
        raise DbtProjectError(f"the dbt project does not parse: {result.exception}")
    mark.write_text(fingerprint)
    return True


def project_fingerprint(project_dir: Path = DBT_PROJECT_DIR) -> str:
    """Hash what parsing depends on: the files, where they are (seeds keep their folder), and dbt's version."""
    digest = hashlib.sha256(f"{project_dir}|{version('dbt-core')}|{version('dbt-duckdb')}".encode())
    for folder, names, files in os.walk(project_dir):
        if Path(folder) == project_dir:
            names[:] = [name for name in names if name not in {"target", "logs", "dbt_packages"}]
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix in _PARSED_SUFFIXES:
                digest.update(f"|{path.relative_to(project_dir)}|".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _attach_tests(manifest: dict[str, Any]) -> None:
    """Attach every test of several models to the one that is built last.

    A test belongs to the asset that shows it. dbt attaches a generic test to the model it is written under and a
    singular one to none; either would run, or be left out, before all it compares is built, because one run builds
    the models in two parts with the estimates between them.
    """
    nodes, sources = manifest["nodes"], manifest["sources"]

    @cache
    def rank(unique_id: str) -> tuple[bool, int]:
        if unique_id in sources:
            return sources[unique_id]["source_name"] == "ml", 0
        parents = [rank(parent) for parent in nodes[unique_id]["depends_on"].get("nodes", [])]
        return any(late for late, _ in parents), 1 + max((depth for _, depth in parents), default=0)

    for node in nodes.values():
        parents = sorted(set(node["depends_on"].get("nodes", []))) if node["resource_type"] == "test" else []
        if len(parents) > 1:
            node["attached_node"] = max(parents, key=rank)


@contextmanager
def _locked(project_dir: Path) -> Iterator[None]:
    (project_dir / "target").mkdir(exist_ok=True)
    with (project_dir / "target" / ".prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
