"""What `import`, `export` and `datasets` answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unet_studio.core.wording import counted, name_some

if TYPE_CHECKING:
    from unet_studio.core.exchange.pairs import Pairing
    from unet_studio.datasets import DataSet
    from unet_studio.usecases.export import Exported
    from unet_studio.usecases.import_masks import Imported

_MOST_NAMED = 5


def import_content(imported: "Imported") -> dict[str, Any]:
    """The slides whose labels changed and those whose labels did not, and what had no partner."""
    return {
        "imported": imported.imported,
        "unchanged": imported.unchanged,
        "pixels_kept": imported.kept,
        "complete": imported.is_complete,
        "of": len(imported.pairing.pairs) + len(imported.pairing.clashes),
        **pairing_content(imported.pairing),
    }


def import_text(imported: "Imported") -> list[str]:
    """How many masks became labels, what stayed as it was, and what had no partner."""
    said = [f"Masks of {counted(len(imported.imported), 'slide')} imported."]
    if not imported.is_complete:
        of = len(imported.pairing.pairs) + len(imported.pairing.clashes)
        said = [f"Stopped: masks of {len(imported.imported)} of {counted(of, 'slide')} imported."]
    if imported.unchanged:
        said.append(f"Nothing changed in {counted(len(imported.unchanged), 'slide')}: labelled already.")
    if imported.kept:
        said.append(
            f"{counted(imported.kept, 'pixel')} labelled before as something else stayed as they were; --overwrite "
            "replaces them."
        )
    return said + pairing_text(imported.pairing)


def pairing_content(pairing: "Pairing") -> dict[str, Any]:
    """What has no partner, on either side."""
    return {"slides_without_mask": pairing.slides, "masks_without_slide": pairing.masks}


def pairing_text(pairing: "Pairing") -> list[str]:
    """A sentence for each side on which something has no partner."""
    said = [f"Slides without a mask: {name_some(pairing.slides, _MOST_NAMED)}."] if pairing.slides else []
    return said + ([f"Masks without a slide: {name_some(pairing.masks, _MOST_NAMED)}."] if pairing.masks else [])


def export_content(exported: "Exported") -> dict[str, Any]:
    """The files that were written, and whether those are all."""
    return {"files": exported.files, "complete": exported.is_complete, "of": exported.planned}


def export_text(exported: "Exported", out: Path) -> str:
    """How many files were written, and where."""
    if not exported.is_complete:
        return f"Stopped: {len(exported.files)} of {counted(exported.planned, 'file')} written to '{out}'."
    return f"{counted(len(exported.files), 'file')} written to '{out}'."


def listed_text(known: Sequence["DataSet"]) -> Sequence[str]:
    """The data sets that there are."""
    return [
        *(f"{one.name}: {one.title}\n  masks: {one.masks}\n  licence: {one.licence}\n  {one.origin}" for one in known),
        "'datasets get NAME --to DIR' downloads one.",
    ]


def downloaded_text(one: "DataSet", home: Path) -> str:
    """What `datasets get` brought."""
    return f"{one.name} is in '{home}', slides and masks in '{home / one.pairs}'.\nMasks: {one.masks}. {one.licence}."
