"""Every word the pages show, in German and English: one YAML file per language with the same keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
import yaml

LANGUAGES = ("de", "en")
STATE_KEY = "lang_choice"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return the texts of a language as dotted key -> text."""
    nested = yaml.safe_load((Path(__file__).parent / f"{language}.yaml").read_text(encoding="utf-8"))
    flat: dict[str, str] = {}

    def walk(prefix: str, node: dict[str, Any]) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(f"{prefix}{key}.", value)
            else:
                flat[f"{prefix}{key}"] = str(value)

    walk("", nested)
    return flat


def language() -> str:
    """Return the language of this session: the switch, else what the browser asks for."""
    chosen = st.session_state.get(STATE_KEY)
    return str(chosen) if chosen in LANGUAGES else browser_language()


def browser_language() -> str:
    """Return German for browsers that ask for it, else English."""
    return "de" if str(st.context.locale or "").lower().startswith("de") else "en"


def t(key: str, **values: Any) -> str:
    """Return a text in the session's language with its `{placeholders}` filled."""
    return catalogue(language())[key].format(**values)


def label(group: str, value: Any, of: str | None = None) -> str:
    """Return the word for a value of a vocabulary (`device.mobile`), or the value where the vocabulary has grown.

    `of` names the language where there is no session to ask.
    """
    return catalogue(of or language()).get(f"{group}.{value}", str(value))
