"""What is kept beside a model's card: a person's note, and the slides that it learned from.

They are files of their own: a model that is copied stays the same one whatever is noted of it, and a card can be read
by earlier versions of the program.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from unet_studio.core.files import read_small_text, write_atomically
from unet_studio.core.models.cards import ModelCard
from unet_studio.errors import ModelError

_NOTE = "note.txt"
_LEARNED = "learned.json"


def read_note(card: ModelCard) -> str:
    """What a person noted of a model, in one line; empty where nothing is."""
    try:
        return read_small_text(card.folder / _NOTE).strip()
    except (OSError, ValueError):
        return ""


def write_note(card: ModelCard, text: str) -> None:
    """Note something of a model of a project; an empty text takes the note away.

    Raises `ModelError` for a starter model, and StudioError where the note can't be written.
    """
    if card.is_bundled:
        raise ModelError(
            f"'{card.title}' is a starter model, which comes with the program, so nothing can be noted beside it. "
            "Retrain from it, and note it beside the new model."
        )
    line = " ".join(text.split())
    if line:
        write_atomically(card.folder / _NOTE, f"{line}\n".encode())
    else:
        (card.folder / _NOTE).unlink(missing_ok=True)


def learned_slides(card: ModelCard) -> frozenset[str] | None:
    """The slides of the project that a model, and those it came from, learned from; None where that isn't known.

    Of models that come from elsewhere or from an earlier version of the program it isn't. A starter model learned from
    slides of its own.
    """
    if card.is_bundled:
        return frozenset()
    try:
        return frozenset(map(str, json.loads(read_small_text(card.folder / _LEARNED))))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def write_learned_slides(folder: Path, slides: Iterable[str]) -> None:
    """Write down in a model's folder which slides it learned from; raises OSError."""
    (folder / _LEARNED).write_text(json.dumps(sorted(slides)), encoding="utf-8")


def remove_notes(folder: Path) -> None:
    """Remove what is kept beside the card of a model in its folder: the note, and the names of slides."""
    for name in (_NOTE, _LEARNED):
        (folder / name).unlink(missing_ok=True)
