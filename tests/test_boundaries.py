"""Imports go one way: dashboards -> serving data only; defs -> sources, ml; ml and sources -> nothing of ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
OURS = ("orchestration", "ml", "dashboards", "dbt_project", "benchmarks", "tests")

#: Folder -> what its files may import: of ours, and never of others.
RULES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ml": (("ml",), ("dagster", "streamlit", "duckdb", "sqlalchemy", "dlt", "dbt")),
    "dashboards": (("dashboards",), ("dagster", "dbt", "dlt", "sklearn")),
    "orchestration/sources": (("orchestration.sources",), ("dagster", "dbt", "streamlit")),
    "orchestration/defs": (("orchestration", "ml"), ("streamlit",)),
}
#: The only module of the dashboards that opens a database.
OPENS_THE_SERVING_FILE = "dashboards/data.py"


def files(folder: str) -> Iterator[Path]:
    yield from sorted((PROJECT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function, relative ones made absolute."""
    return imports_of(path.read_text(encoding="utf-8"), path.relative_to(PROJECT).parent.parts)


def imports_of(source: str, package: tuple[str, ...]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            found.add(".".join(filter(None, [base, node.module])))
    return found


def is_inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("folder", RULES)
def test_imports_go_one_way(folder: str) -> None:
    allowed, banned = RULES[folder]
    wrong = [
        f"{path.relative_to(PROJECT)} imports {module}"
        for path in files(folder)
        for module in sorted(imports(path))
        if is_inside(module, banned) or (is_inside(module, OURS) and not is_inside(module, allowed))
    ]
    assert not wrong


def test_one_module_opens_the_serving_file() -> None:
    openers = {str(path.relative_to(PROJECT)) for path in files("dashboards") if "duckdb" in imports(path)}
    assert openers <= {OPENS_THE_SERVING_FILE}


def test_settings_are_read_in_one_place() -> None:
    """`sources` gets values passed in; it reads no settings and no clock of its own choosing."""
    assert not [path for path in files("orchestration/sources") if "orchestration.settings" in imports(path)]


def test_imports_inside_functions_and_relative_ones_are_seen() -> None:
    late = "def late():\n    from orchestration.defs import resources\n    import duckdb.typing\n"
    assert imports_of(late, ("ml",)) == {"orchestration.defs", "duckdb.typing"}
    assert imports_of("from ..sources import load", ("orchestration", "defs")) == {"orchestration.sources"}
