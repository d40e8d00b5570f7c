"""Retrainings with made-up comparisons, for the tests of what is said of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unet_studio.protocol.values import ComparedTile, Comparison, Confusion, Corrections, Retrained, Round

CLASSES = ("background", "spot")
NOTHING: Confusion = ((0, 0), (0, 0))
ALIKE: Confusion = ((8800, 100), (100, 1000))
"""What nobody labelled, where both models say about the same: a tenth of it is spot."""

NO_LABELS = Corrections(0, 0, 0, 0)
MENDED = Corrections(labelled=1000, wrong=400, mended=380, spoiled=0)


def tile(slide: str, before: float, after: float, *, spot: int = 1000) -> ComparedTile:
    """A tile with so many pixels of spot, on which the models before and after have this Dice."""
    return ComparedTile(slide, confusion(before, spot), confusion(after, spot))


def confusion(dice: float, spot: int = 1000) -> Confusion:
    """Of so many pixels of spot this share is found, and as many others are taken for it as are missed."""
    found = round(dice * spot)
    return ((9000 - (spot - found), spot - found), (spot - found, found))


def compared(tiles: Sequence[ComparedTile] = (), *, learned_strokes: Corrections = MENDED, **others: Any) -> Comparison:
    """A comparison on these held-out tiles that has nothing else against the new model."""
    blank = Comparison(
        rival="old", judged=tuple(tiles), proposed=0, in_bulk=(), unseen_strokes=NO_LABELS,
        learned_strokes=learned_strokes, learned_whole=NO_LABELS,
        learned=(), elsewhere=ALIKE, unlabelled=NOTHING, elsewhere_slides=8, unlabelled_slides=31,
    )  # fmt: skip
    return replace(blank, **others)


def retrained(comparison: Comparison | None = None, **others: Any) -> Retrained:
    """A training of two rounds whose model was compared so."""
    rounds = [Round(number, 2, 0.5, 0.5, 1.0, kept=True) for number in range(3)]
    trained = Retrained("new", "old", others.pop("classes", CLASSES), 1, tuple(rounds), comparison)
    return replace(trained, **others)


def slides(before: Sequence[float], after: Sequence[float]) -> list[ComparedTile]:
    """A tile on each of so many slides."""
    return [tile(f"{n}.png", b, a) for n, (b, a) in enumerate(zip(before, after, strict=True))]


def better_than(rival: str, *, classes: int, better: bool = True) -> Comparison:
    """The comparison of a model that is clearly better than its rival, or as clearly worse, for so many classes."""
    found = [[100 * (row == column) for column in range(classes)] for row in range(classes)]
    missed = [[100 * (column == 0) for column in range(classes)] for row in range(classes)]
    before, after = (missed, found) if better else (found, missed)
    none = [[0] * classes for _ in range(classes)]
    tiles = [ComparedTile(f"{number}.png", before, after) for number in range(5)]
    return compared(tiles, rival=rival, elsewhere=none, unlabelled=none)
