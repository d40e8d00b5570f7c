"""The true masks of a simulation: read, and divided into slides to work on and slides to judge on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import LabelClass
from unet_studio.core.exchange.importing import read_planes
from unet_studio.core.exchange.mask_meaning import choose_table
from unet_studio.core.exchange.pairs import pair_up
from unet_studio.core.labels.plane import PlaneId
from unet_studio.errors import MaskError

Truths = dict[PlaneId, NDArray[np.uint8]]
"""True classes (h, w) by plane, 255 where unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The slides that have a true mask, in order: those to work on and those to judge on, and their true classes."""

    pool: tuple[str, ...]
    test: tuple[str, ...]
    pool_truths: Truths
    test_truths: Truths


def divide(truths: Truths, share: float, seed: int, test: Sequence[str] = ()) -> Split:
    """The slides to judge on are `test` or, without any, those of `split_slides`; each has all of its planes.

    Raises `MaskError` where the `test` slides have no true masks, or no other slide has one.
    """
    slides = sorted({plane.slide for plane in truths})
    if test:
        pool, test = tuple(s for s in slides if s not in test), tuple(s for s in slides if s in test)
        if not pool or not test:
            raise MaskError("A simulation needs slides with a true mask both among those to judge on and beside them.")
    else:
        pool, test = split_slides(slides, share, seed)
    return Split(pool, test, _of_slides(truths, pool), _of_slides(truths, test))


def read_truths(folder: Path, truth: Path, *, classes: Sequence[LabelClass], foreground: str | None) -> Truths:
    """The true classes of every plane whose slide has a true mask, found and read as for an import.

    Raises `MaskError` where a mask doesn't fit its slide, or fewer than two slides have one.
    """
    truths: Truths = {}
    pairing = pair_up(folder, truth)
    for _, sentence in pairing.clashes:
        raise MaskError(sentence)
    table = (
        choose_table([file for pair in pairing.pairs for file in pair.files], classes) if foreground is None else None
    )
    for pair in pairing.pairs:
        planes = read_planes(folder, pair, classes=len(classes), foreground=foreground, table=table)
        truths |= {PlaneId(pair.slide, number): plane for number, plane in enumerate(planes)}
    if len({plane.slide for plane in truths}) < 2:
        raise MaskError(
            f"A simulation needs two or more slides with a true mask in '{truth}': one to work on and one to judge "
            "on. A mask is found by its slide's path and stem, for example sub/a.png for sub/a.tif."
        )
    return truths


def split_slides(slides: Iterable[str], share: float, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Slides to work on and slides to judge on, in order: `share` of them, chosen at random, and at least one each."""
    known = sorted(set(slides))
    wanted = min(max(1, round(share * len(known))), len(known) - 1)
    test = {known[i] for i in np.random.default_rng(seed).permutation(len(known))[:wanted]}
    return tuple(s for s in known if s not in test), tuple(s for s in known if s in test)


def _of_slides(truths: Truths, slides: Iterable[str]) -> Truths:
    wanted = set(slides)
    return {plane: truth for plane, truth in truths.items() if plane.slide in wanted}
