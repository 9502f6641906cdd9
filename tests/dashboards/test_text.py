"""Both languages say the same things, and every text is used."""

from __future__ import annotations

import ast
import re
from functools import cache
from string import Formatter

from dashboards.text import catalogue
from tests.dashboards.serving_fixture import ROOT

#: Vocabularies whose words are looked up by a value of the data; the pages fall back to the value.
VOCABULARIES = {
    "phase_model", "phase", "dimension", "device", "visitor", "channel", "model", "measure", "level", "window",
    "period", "span", "region", "category", "variable", "verdict", "entity", "feed_status", "check", "severity",
    "delivery_state", "health_part", "catalog_part", "catalog_arm", "catalog_advice",
    "catalog_method", "budget_outcome", "budget_scenario", "budget_reason", "budget_verdict",
    "catalog_segment", "catalog_trait", "standing", "parameter", "kpi", "taste", "score", "effect_kind", "trigger",
    "map_lines", "node", "drop_outcome", "trait", "journey_measure", "touchpoint_type", "page_type",
}  # fmt: skip


@cache
def keys_in_code() -> tuple[frozenset[str], frozenset[str]]:
    """Return the text keys written out in the code, and patterns of those put together from parts."""
    exact, patterns = set(), set()
    for path in (ROOT / "dashboards").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[a-z_]+\.[a-z_0-9.]*[a-z0-9]", node.value)
            ):
                exact.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else None for v in node.values]
                pattern = "".join("[a-z_0-9 ]+" if part is None else re.escape(str(part)) for part in parts)
                if re.match(r"(\[a-z_0-9 \]\+|[a-z_]+)\\\.", pattern):
                    patterns.add(pattern)
    return frozenset(exact), frozenset(patterns)


def test_both_languages_have_the_same_keys() -> None:
    assert set(catalogue("de")) == set(catalogue("en"))


def test_a_text_has_the_same_placeholders_in_both_languages() -> None:
    def placeholders(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    for key, german in catalogue("de").items():
        assert german.strip(), key
        assert placeholders(german) == placeholders(catalogue("en")[key]), key


def test_every_key_the_code_names_exists() -> None:
    exact, _ = keys_in_code()
    groups = {key.split(".")[0] for key in catalogue("en")}
    named = {key for key in exact if key.split(".")[0] in groups and not key.endswith((".py", ".svg", ".css"))}
    assert named - set(catalogue("en")) == set()


def test_every_table_of_a_page_has_a_name() -> None:
    """Also tables that only some data show."""
    names = {
        keyword.value.value
        for path in (ROOT / "dashboards").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "table"
        for keyword in call.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    }
    assert len(names) > 20
    assert {f"table.{name}" for name in names} - set(catalogue("en")) == set()


def test_every_text_is_used() -> None:
    exact, patterns = keys_in_code()
    unused = {
        key
        for key in catalogue("en")
        if key not in exact
        and key.split(".")[0] not in VOCABULARIES
        and not any(re.fullmatch(pattern, key) for pattern in patterns)
    }
    # `name="..."` of a table is the last part of its key.
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "dashboards").rglob("*.py"))
    assert {key for key in unused if f'"{key.split(".")[-1]}"' not in code} == set()


def test_no_word_of_prose_stands_in_a_page() -> None:
    says = {"markdown", "info", "caption", "title", "subheader", "success", "warning", "error", "metric"}
    for path in (ROOT / "dashboards" / "app_pages").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in says:
                first = node.args[0] if node.args else None
                assert not (isinstance(first, ast.Constant) and re.search("[A-Za-z]{3}", str(first.value))), path.name
