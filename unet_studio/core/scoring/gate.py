"""The gate: whether a new model takes the place of the active one.

The decision is here and nowhere else; window, commands, demo and simulation ask the same function.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND
from unet_studio.core.scoring.bootstrap import bootstrap_interval
from unet_studio.core.scoring.judgement import AreaChange, Judgement, TooClose, Verdict
from unet_studio.core.scoring.scores import class_dice, mean_dice
from unet_studio.protocol.values import Compared, ComparedTile, Comparison, Retrained

_FALLEN = 0.1
"""A slide on which the Dice is so much lower has become much worse, ..."""
_TELLING = 200
"""... if so many of its labelled pixels are of a class."""


def judge_model(
    retrained: Retrained, *, classes: Sequence[str], rival: str, rule: TooClose = TooClose.IF_KEPT
) -> Judgement:
    """Whether to use a new model in a project with these classes (names, background first).

    `rival` is the id of the active model where it tells the same classes apart, or empty: nothing else can be lost by
    using the new one. *Better* is used and *worse* never; `rule` decides what the hold-out can't.
    """
    blank = Judgement(Verdict.NOT_JUDGED, False, retrained.model, rule=rule)
    compared = _weigh(retrained.comparison, retrained.classes, blank)
    verdict = _verdict(retrained, compared, classes, rival)
    if verdict in (Verdict.TOO_CLOSE, Verdict.NOT_JUDGED):
        kept = compared.keeps_corrections and not compared.changes_much and not compared.falls
        is_adopted = rule is TooClose.ALWAYS or (rule is TooClose.IF_KEPT and kept)
    else:
        is_adopted = verdict in (Verdict.BETTER, Verdict.FIRST)
    return replace(compared, verdict=verdict, is_adopted=is_adopted)


def judge_compared(compared: Compared) -> Judgement:
    """What the hold-out says of the second of two models beside the first; none of them is put to use by it."""
    blank = Judgement(Verdict.NOT_JUDGED, False, compared.model)
    weighed = _weigh(compared.comparison, compared.classes, blank)
    verdict = _by_hold_out(weighed)
    if verdict is Verdict.WORSE and weighed.over_tiles:  # nothing is at stake that would need such caution
        verdict = Verdict.TOO_CLOSE
    return replace(weighed, verdict=verdict)


def pooled_dice(tiles: Sequence[ComparedTile]) -> tuple[float, float]:
    """The mean Dice before and after over the classes but background that the labels have; NaN where they have none."""
    if not tiles:
        return math.nan, math.nan
    before, after = _dice(_tiles(tiles, len(tiles[0].before)).sum(axis=0))
    return float(before), float(after)


def _verdict(retrained: Retrained, compared: Judgement, classes: Sequence[str], rival: str) -> Verdict:
    if list(retrained.classes) != list(classes):
        return Verdict.OTHER_CLASSES
    if retrained.stopped and retrained.rounds <= 1:
        return Verdict.STOPPED
    if rival and rival != compared.rival:
        return Verdict.OTHER_RIVAL
    if retrained.kept.round == 0 or (not rival and retrained.kept.dice == 0):
        return Verdict.LEARNED_NOTHING
    if not rival:
        return Verdict.FIRST
    if any(change.is_forgotten or change.is_everything for change in compared.changes):
        return Verdict.CHANGES_ELSEWHERE
    verdict = _by_hold_out(compared)
    return Verdict.TORN if compared.is_torn and verdict is not Verdict.WORSE else verdict


def _by_hold_out(compared: Judgement) -> Verdict:
    if compared.difference.high < 0:
        return Verdict.WORSE
    if math.isnan(compared.difference.low):
        return Verdict.NOT_JUDGED
    if compared.difference.low > 0 and not compared.over_tiles:  # one slide can't speak for others
        return Verdict.BETTER
    return Verdict.TOO_CLOSE


def _weigh(compared: Comparison | None, names: Sequence[str], blank: Judgement) -> Judgement:
    """A judgement with the figures of a comparison, without a verdict."""
    if compared is None:
        return blank
    slides = _by_slide(compared.judged)
    over_tiles = len(slides) < 2  # tiles of one slide are alike: of few slides they give intervals that are too narrow
    units = _tiles(compared.judged, len(names)) if over_tiles else np.stack([slides[slide] for slide in sorted(slides)])
    before, after = pooled_dice(compared.judged)
    in_truth = units[:, 0].sum(axis=(0, 2)) > 0
    return replace(
        blank,
        rival=compared.rival,
        dice_before=before,
        dice_after=after,
        difference=bootstrap_interval(units, lambda sums: np.diff(_dice(sums))[:, 0]),
        slides=len(slides),
        units=len(units),
        over_tiles=over_tiles,
        pixels=int(units[:, 0].sum()),
        proposed=compared.proposed,
        in_bulk=(int(_tiles(compared.in_bulk, len(names))[:, 0].sum()), *pooled_dice(compared.in_bulk)),
        unseen_strokes=compared.unseen_strokes,
        learned_strokes=compared.learned_strokes,
        learned_whole=compared.learned_whole,
        missing=tuple(name for name, is_there in zip(names[1:], in_truth[1:], strict=True) if not is_there),
        changes=_area_changes(compared, names),
        fallen_learned=_fallen(_by_slide(compared.learned)),
        fallen_judged=_fallen(slides),
        elsewhere=(compared.elsewhere_slides, compared.unlabelled_slides),
    )


def _tiles(tiles: Sequence[ComparedTile], classes: int) -> NDArray[np.int64]:
    """Their confusions (n, 2, classes, classes): those before, and those after."""
    found = [(tile.before, tile.after) for tile in tiles]
    return np.array(found, dtype=np.int64).reshape(len(tiles), 2, classes, classes)


def _by_slide(tiles: Sequence[ComparedTile]) -> dict[str, NDArray[np.int64]]:
    found: dict[str, NDArray[np.int64]] = {}
    for tile in tiles:
        found[tile.slide] = found.get(tile.slide, 0) + np.array([tile.before, tile.after], dtype=np.int64)
    return found


def _dice(confusions: NDArray[np.number]) -> NDArray[np.float64]:
    """The mean Dice before and after, (…, 2), of confusions (…, 2, classes, classes) by the same labels."""
    return mean_dice(confusions, of_truth=True)


def _fallen(slides: Mapping[str, NDArray[np.int64]]) -> tuple[int, int]:
    """On how many slides the Dice is much lower, and of how many that have enough of a class to tell."""
    pairs = [pair for pair in slides.values() if pair[0, BACKGROUND + 1 :].sum() >= _TELLING]
    if not pairs:
        return 0, 0
    before, after = _dice(np.stack(pairs)).T
    return int((before - after > _FALLEN).sum()), len(pairs)


def _area_changes(compared: Comparison, names: Sequence[str]) -> tuple[AreaChange, ...]:
    """How the area of each class but background changes where nobody labelled."""
    moved = np.array(compared.elsewhere, dtype=np.float64) + np.array(compared.unlabelled, dtype=np.float64)
    pixels = moved.sum()
    if not pixels:
        return ()
    before, after = moved.sum(axis=1) / pixels, moved.sum(axis=0) / pixels
    learned = _tiles(compared.learned, len(names))[:, 0].sum(axis=0)
    labelled, proposed = learned.sum(axis=1), learned.sum(axis=0)
    growth = np.where(proposed > 0, labelled / np.maximum(proposed, 1), 1.0)
    # A class that is in neither overlaps as it should.
    overlap, expected_overlap = (np.nan_to_num(class_dice(confusion), nan=1.0) for confusion in (moved, learned))
    return tuple(
        AreaChange(
            names[index], float(before[index]), float(after[index]), float(before[index] * growth[index]),
            float(overlap[index]), float(expected_overlap[index]),
        )
        for index in range(BACKGROUND + 1, len(names))
    )  # fmt: skip
