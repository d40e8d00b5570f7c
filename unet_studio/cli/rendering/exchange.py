"""What `import`, `export` and `datasets` answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unet_studio.core.wording import counted

if TYPE_CHECKING:
    from unet_studio.datasets import DataSet


def import_text(slides: Sequence[str]) -> str:
    """How many masks became labels."""
    return f"Masks of {counted(len(slides), 'slide')} imported."


def export_text(files: Sequence[str], out: Path) -> str:
    """How many files were written, and where."""
    return f"{counted(len(files), 'file')} written to '{out}'."


def listed_text(known: Sequence["DataSet"]) -> Sequence[str]:
    """The data sets that there are."""
    return [
        *(f"{one.name}: {one.title}\n  masks: {one.masks}\n  licence: {one.licence}\n  {one.origin}" for one in known),
        "'datasets get NAME --to DIR' downloads one.",
    ]


def downloaded_text(one: "DataSet", home: Path) -> str:
    """What `datasets get` brought."""
    return f"{one.name} is in '{home}', slides and masks in '{home / one.pairs}'.\nMasks: {one.masks}. {one.licence}."
