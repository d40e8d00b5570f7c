"""Pairs: which file is the mask of which slide."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from unet_studio.core.exchange.file_names import name_of_page
from unet_studio.core.project.store import PLACE_NAME
from unet_studio.core.slides.finding import SUFFIXES, find_images, find_slides
from unet_studio.core.wording import name_some
from unet_studio.errors import MaskError

_SLIDE_FOLDERS = {"image", "images", "img", "imgs", "slides"}
_MASK_FOLDERS = {"label", "labels", "mask", "masks", "annotation", "annotations"}
_MASK_ENDING = re.compile("[_ -](masks?|labels?|annotations?|seg|gt)$", re.IGNORECASE)
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """A slide, by its path in the folder with forward slashes, and the file of its mask.

    The mask of a stack may be a file for each plane, as `export` writes them in PNG: `pages` are those files with the
    numbers of their planes, from 0 on, in their order, and `mask` is the first.
    """

    slide: str
    mask: Path
    pages: tuple[tuple[int, Path], ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the mask."""
        return tuple(file for _, file in self.pages) or (self.mask,)


@dataclass(frozen=True, slots=True)
class Pairing:
    """The slides of a folder and the masks of another, put together by name.

    Attributes:
        pairs: in the order of the slides.
        clashes: slides of which it can't be told which mask is theirs, each with the sentence that says so.
        slides: those without a mask.
        masks: those without a slide, by their paths in their folder.
    """

    pairs: tuple[Pair, ...]
    clashes: tuple[tuple[str, str], ...]
    slides: tuple[str, ...]
    masks: tuple[str, ...]


def pair_up(folder: Path, masks: Path) -> Pairing:
    """The slides of `folder` with their masks in `masks`, which may be a folder in it or above it, or the same.

    A mask has the name of its slide, in the same sub-folder. Endings, upper and lower case, the way in which accents
    are stored, an added word as in a_mask.png and folder names such as images and masks make no difference, unless
    another mask fits better. What is left may be files of single planes, such as a_p0001.png and a_p0002.png. Raises
    SlideError where one of the folders can't be opened or there is no slide.
    """
    slides, others = find_slides(folder), find_images(masks)
    if masks.samefile(folder):
        slides, others = _without_masks(slides), tuple(file for file in slides if _is_mask(file))
    elif masks.resolve().is_relative_to(folder.resolve()):
        slides = _outside(slides, folder, masks)
    elif folder.resolve().is_relative_to(masks.resolve()):
        others = _outside(others, masks, folder)
    return _match(slides, masks, others)


def paired(folder: Path, masks: Path) -> Pairing:
    """As `pair_up`; raises MaskError where no slide has a mask."""
    pairing = pair_up(folder, masks)
    if not pairing.pairs and not pairing.clashes:
        raise _nothing_paired(folder, masks)
    return pairing


def find_pairs(folder: Path, masks: Path | None = None) -> tuple[Pair, ...]:
    """The slides of a published data set with their masks, in the order of the slides; nothing may be left alone.

    A slide and its mask have the same name but for its ending, and are found as

    - slides in `folder` and masks in `masks`, with the same sub-folders, where `masks` is given,
    - the reviewed slides of a project and the masks that it keeps,
    - parallel folders such as image and label, images and annotations, with the same folders above and below them,
    - neighbours such as a.png and a_mask.png.

    Raises MaskError, naming the files, where one has no partner or more than one; SlideError where there is no slide.
    """
    kept = folder / PLACE_NAME / "masks"
    if masks is None and kept.is_dir():
        return _strict(folder, kept, _match(find_slides(folder), kept, find_images(kept)), some=True)
    files = find_slides(folder)
    if masks is not None and masks.is_relative_to(folder):
        files = _outside(files, folder, masks)
    if any(_in_one_of(_SLIDE_FOLDERS, file) for file in files):
        slides = tuple(file for file in files if _in_one_of(_SLIDE_FOLDERS, file))
        beside = tuple(file for file in files if _in_one_of(_MASK_FOLDERS, file))
    else:
        slides, beside = _without_masks(files), tuple(file for file in files if _is_mask(file))
    if masks is not None:
        return _strict(folder, masks, _match(slides, masks, find_slides(masks)))
    return _strict(folder, folder, _match(slides, folder, beside))


def _strict(folder: Path, masks: Path, pairing: Pairing, *, some: bool = False) -> tuple[Pair, ...]:
    """The pairs; raises MaskError where anything is left alone, with `some` only where a mask is."""
    for _, sentence in pairing.clashes:
        raise MaskError(sentence)
    if not pairing.pairs:
        raise _nothing_paired(folder, masks)
    alone = [] if some else pairing.slides
    if alone or pairing.masks:
        said = [f"Slides without a mask: {name_some(alone, _MOST_NAMED)}."] if alone else []
        said += [f"Masks without a slide: {name_some(pairing.masks, _MOST_NAMED)}."] if pairing.masks else []
        raise MaskError(f"{' '.join(said)} Give each its partner of the same name, or move it out of the folder.")
    return pairing.pairs


def _nothing_paired(folder: Path, masks: Path) -> MaskError:
    return MaskError(
        f"No mask in '{masks}' has the name of a slide in '{folder}'. Masks are found in parallel folders, "
        "such as images and masks, or beside their slides, such as a.png and a_mask.png."
    )


def _match(slides: Sequence[str], folder: Path, masks: Sequence[str]) -> Pairing:
    """Pair what has the same name, the closest first; what is paired is no candidate for a looser match."""
    found: dict[str, str] = {}
    clashes: dict[str, str] = {}
    left, masks_left = list(slides), list(masks)
    for key_of_slide, key_of_mask in _ROUNDS:
        slides_by_key, masks_by_key = _grouped(left, key_of_slide), _grouped(masks_left, key_of_mask)
        for key in slides_by_key.keys() & masks_by_key.keys():
            same, candidates = slides_by_key[key], masks_by_key[key]
            if len(same) == len(candidates) == 1:
                found[same[0]] = candidates[0]
            elif len(candidates) > 1:
                clashes |= dict.fromkeys(same, _clash(candidates, "mask"))
            else:
                clashes |= dict.fromkeys(same, _clash(same, "slide"))
        taken = set(found.values())
        left = [slide for slide in left if slide not in found and slide not in clashes]
        clashing = {key_of_slide(slide) for slide in clashes}
        masks_left = [m for m in masks_left if m not in taken and key_of_mask(m) not in clashing]
    pages = _find_pages(left, masks_left)
    pairs = {slide: Pair(slide, folder / mask) for slide, mask in found.items()}
    for slide, numbered in pages.items():
        files = tuple((number, folder / mask) for number, mask in sorted(numbered.items()))
        pairs[slide] = Pair(slide, files[0][1], files)
    in_pages = {mask for numbered in pages.values() for mask in numbered.values()}
    return Pairing(
        tuple(pairs[slide] for slide in slides if slide in pairs),
        tuple((slide, clashes[slide]) for slide in slides if slide in clashes),
        tuple(slide for slide in left if slide not in pages),
        tuple(mask for mask in masks_left if mask not in in_pages),
    )


def _find_pages(slides: Sequence[str], masks: Sequence[str]) -> dict[str, dict[int, str]]:
    """Masks of single planes by the number of the plane, from 0 on, of each slide that they can be of alone."""
    found: dict[str, dict[int, str]] = {}
    by_name, by_key = _grouped(slides, _whole), _grouped(slides, _in_any_case)
    for mask in masks:
        folder, slash, _ = mask.rpartition("/")
        page = name_of_page(_stem(mask))
        if page is None:
            continue
        name, number = folder + slash + page[0], page[1]
        candidates = by_name.get(_whole(name)) or by_key.get(_in_any_case(name), [])
        if len(candidates) == 1:
            found.setdefault(candidates[0], {}).setdefault(number, mask)
    return found


def _grouped(files: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return groups


def _clash(files: Sequence[str], what: str) -> str:
    return (
        f"'{files[0]}' and '{files[1]}' could both be the {what} of one pair. Move one of them out of the folder, "
        "or name the folder of the masks."
    )


def _outside(files: Iterable[str], folder: Path, inner: Path) -> tuple[str, ...]:
    """The files of a folder that don't lie in a folder inside it."""
    prefix = f"{inner.resolve().relative_to(folder.resolve()).as_posix()}/"
    return tuple(file for file in files if not file.startswith(prefix))


def _is_mask(file: str) -> bool:
    return _MASK_ENDING.search(_stem(file)) is not None


def _without_masks(files: Iterable[str]) -> tuple[str, ...]:
    return tuple(file for file in files if not _is_mask(file))


def _whole(file: str) -> str:
    return normalize("NFC", file)


def _without_ending(file: str) -> str:
    return normalize("NFC", file[: file.rindex(".")])


def _without_endings(file: str) -> str:
    return normalize("NFC", file[: len(file) - len(file.rsplit("/", 1)[-1])] + _stem(file))


def _key(file: str) -> str:
    """What a slide and its mask have in common: the path without endings, and without the folder that tells them
    apart."""
    folders = [name for name in file.split("/")[:-1] if name.lower() not in _SLIDE_FOLDERS | _MASK_FOLDERS]
    return normalize("NFC", "/".join([*folders, _MASK_ENDING.sub("", _stem(file))]))


def _in_any_case(file: str) -> str:
    return _key(file).casefold()


# What a slide and its mask have in common, the closest match first: a.tif and a.tif.png, a.tif and a.png, …
_ROUNDS = (
    (_whole, _without_ending), (_without_endings, _without_endings), (_key, _key), (_in_any_case, _in_any_case),
)  # fmt: skip


def _stem(file: str) -> str:
    """The name without its ending; a mask may have its slide's as well, as in a.tif.png."""
    stem = file.rsplit("/", 1)[-1]
    while stem.lower().endswith(SUFFIXES):
        stem = stem[: stem.rindex(".")]
    return stem


def _in_one_of(names: set[str], file: str) -> bool:
    return any(name.lower() in names for name in file.split("/")[:-1])
