"""Fitted models on disk: a skops file, its hash, and a card that says what the model is. No Dagster import.

skops files hold data, not code: reading one builds only the types named here, whoever wrote it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import skops.io
from skops.card import Card

#: Beside scikit-learn's own estimators, which skops knows.
_TRUSTED = ("numpy.dtype",)


class ModelFileError(ValueError):
    """A model file is missing, was changed since it was written, or holds what may not be built."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """Where a model is.

    Attributes
    ----------
    file : Path
    sha256 : str
        Of the file, so that what is read is what was written.
    card : str
        The card, in Markdown; also beside the file.
    """

    file: Path
    sha256: str
    card: str


def save_model(folder: Path, name: str, model: Any, sections: Mapping[str, str]) -> StoredModel:
    """Write `<name>.skops` and `<name>.md`, each in one step.

    Parameters
    ----------
    folder : Path
        Made if missing.
    model : object
        A scikit-learn estimator, or a dict of arrays and numbers.
    sections : mapping of str to str
        Heading -> text of the card: data, method, metrics, limits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = skops.io.dumps(model)
    sha256 = hashlib.sha256(content).hexdigest()
    card = Card(model=None, template=None)
    title = name.replace("_", " ").capitalize()
    card.add(**{title: f"Model file `{name}.skops`, SHA-256 `{sha256}`."})
    card.add(**{f"{title}/{heading}": text for heading, text in sections.items()})
    text = card.render()
    file = folder / f"{name}.skops"
    for path, data in ((file, content), (file.with_suffix(".md"), text.encode())):
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.replace(path)
    return StoredModel(file, sha256, text)


def load_model(file: Path, sha256: str) -> Any:
    """Read a model back.

    Raises
    ------
    ModelFileError
        If the file is gone, is not the one whose hash was noted, or holds a type that is not trusted.
    """
    if not file.is_file():
        raise ModelFileError(f"{file} is missing: run the model's asset again")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelFileError(f"{file} has SHA-256 {found[:12]}..., expected {sha256[:12]}...: it was changed since")
    if unknown := sorted(set(skops.io.get_untrusted_types(data=content)) - set(_TRUSTED)):
        raise ModelFileError(f"{file} holds the types {unknown}, which are not trusted")
    return skops.io.loads(content, trusted=list(_TRUSTED))
