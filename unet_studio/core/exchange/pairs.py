"""Pairs: which file of a published data set is the mask of which slide."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unet_studio.core.project.store import PLACE_NAME
from unet_studio.core.slides.finding import SUFFIXES, find_slides
from unet_studio.core.wording import name_some
from unet_studio.errors import MaskError

_SLIDE_FOLDERS = {"image", "images", "img", "imgs", "slides"}
_MASK_FOLDERS = {"label", "labels", "mask", "masks", "annotation", "annotations"}
_MASK_ENDING = re.compile("[_ -](masks?|labels?|annotations?|seg|gt)$", re.IGNORECASE)
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """A slide, by its path in the folder with forward slashes, and the file of its mask."""

    slide: str
    mask: Path


def find_pairs(folder: Path, masks: Path | None = None) -> tuple[Pair, ...]:
    """The slides of a folder with their masks, in the order of the slides.

    A slide and its mask have the same name but for its ending, and are found as

    - slides in `folder` and masks in `masks`, with the same sub-folders, where `masks` is given,
    - the reviewed slides of a project and the masks that it keeps,
    - parallel folders such as image and label, images and annotations, with the same folders above and below them,
    - neighbours such as a.png and a_mask.png.

    Raises MaskError, naming the files, where one has no partner or more than one; SlideError where there is no slide.
    """
    kept = folder / PLACE_NAME / "masks"
    if masks is None and kept.is_dir():
        return _join(folder, find_slides(folder), kept, find_slides(kept), some=True)
    files = find_slides(folder)
    if masks is not None and masks.is_relative_to(folder):
        inside = f"{masks.relative_to(folder).as_posix()}/"
        files = tuple(file for file in files if not file.startswith(inside))
    if any(_in_one_of(_SLIDE_FOLDERS, file) for file in files):
        slides = [file for file in files if _in_one_of(_SLIDE_FOLDERS, file)]
        beside = [file for file in files if _in_one_of(_MASK_FOLDERS, file)]
    else:
        slides = [file for file in files if not _MASK_ENDING.search(_stem(file))]
        beside = [file for file in files if _MASK_ENDING.search(_stem(file))]
    if masks is not None:
        return _join(folder, slides, masks, find_slides(masks))
    return _join(folder, slides, folder, beside)


def _join(
    folder: Path, slides: Iterable[str], masks_folder: Path, masks: Iterable[str], *, some: bool = False
) -> tuple[Pair, ...]:
    """Pair what has the same key; with `some`, a slide may lack a mask."""
    slide_of, mask_of = _by_key(slides, "slide"), _by_key(masks, "mask")
    if not slide_of.keys() & mask_of.keys():
        raise MaskError(
            f"No mask in '{masks_folder}' has the name of a slide in '{folder}'. Masks are found in parallel folders, "
            "such as images and masks, or beside their slides, such as a.png and a_mask.png."
        )
    alone = [] if some else [slide for key, slide in slide_of.items() if key not in mask_of]
    without_slide = [mask for key, mask in mask_of.items() if key not in slide_of]
    if alone or without_slide:
        said = [f"Slides without a mask: {name_some(alone, _MOST_NAMED)}."] if alone else []
        said += [f"Masks without a slide: {name_some(without_slide, _MOST_NAMED)}."] if without_slide else []
        raise MaskError(f"{' '.join(said)} Give each its partner of the same name, or move it out of the folder.")
    return tuple(Pair(slide, masks_folder / mask_of[key]) for key, slide in slide_of.items() if key in mask_of)


def _by_key(files: Iterable[str], what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        other = found.setdefault(_key(file), file)
        if other != file:
            raise MaskError(
                f"'{other}' and '{file}' could both be the {what} of one pair. Move one of them out of the folder, "
                "or name the folder of the masks."
            )
    return found


def _key(file: str) -> str:
    """What a slide and its mask have in common: the path without endings, and without the folder that tells them
    apart."""
    folders = [name for name in file.split("/")[:-1] if name.lower() not in _SLIDE_FOLDERS | _MASK_FOLDERS]
    return "/".join([*folders, _MASK_ENDING.sub("", _stem(file))])


def _stem(file: str) -> str:
    """The name without its ending; a mask may have its slide's as well, as in a.tif.png."""
    stem = file.rsplit("/", 1)[-1]
    while stem.lower().endswith(SUFFIXES):
        stem = stem[: stem.rindex(".")]
    return stem


def _in_one_of(names: set[str], file: str) -> bool:
    return any(name.lower() in names for name in file.split("/")[:-1])
