"""The gate: which weights of a training are kept, and whether a new model takes the place of the active one.

Both decisions are here and nowhere else; window, commands, demo and simulation ask the same functions.
"""

from collections.abc import Sequence
from enum import StrEnum

from unet_studio.protocol.values import Retrained

_ENOUGH = 5
"""Of so many held-out slides, or more, the score alone decides which weights are kept."""
_LEAST_FALL, _MOST_FALL = 0.01, 0.05
"""A score on fewer slides may be this much lower than the best, near 1 and far from it.

Seen with one held-out slide of nuclei: it fell from 0.908 to 0.899 while twelve others rose from 0.71 to 0.87.
"""


class Verdict(StrEnum):
    """Whether to use a new model rather than the active one, and why."""

    BETTER = "better"
    """It scores higher on the hold-out."""
    ABOUT_AS_GOOD = "about as good"
    """It learned from more, and too few slides are held out to say which is better."""
    NOT_COMPARED = "not compared"
    """No slide is held out, so nothing speaks against it."""
    NO_BETTER = "no better"
    """No round was better than what the training began with."""
    OTHER_START = "other start"
    """It was compared with another model than the active one, or with a random network."""
    OTHER_CLASSES = "other classes"
    """The project's classes are no longer those that it learned."""
    NOT_USABLE = "not usable"
    """It was to be used, but could not be read, or nothing may be written."""

    @property
    def is_adopted(self) -> bool:
        """Whether the new model is to be the active one."""
        return self in (Verdict.BETTER, Verdict.ABOUT_AS_GOOD, Verdict.NOT_COMPARED)


def keeps_round(dice: float, earlier: Sequence[float], *, held_out: int) -> bool:
    """Whether the weights of a round are kept rather than those of any before it.

    Of rounds that are equally good the last is kept, which was trained longest, but what the training began with is
    kept before its equals. Fewer than 5 held-out slides can't tell close models apart: they stand for too little. Then
    the last round is kept that is wrong at most half as much again as the best (1 - Dice; at least 0.01 and at most
    0.05 lower), and what it began with only where all rounds are worse than that. Without a hold-out the last round is
    always kept: the score on the training slides says nothing of other slides, and a few strokes are overfitted after a
    round or two.

    Args:
        dice: of the round, 0…1.
        earlier: of the rounds before it, that of what the training began with first; empty for that itself.
        held_out: of how many slides, which the training doesn't learn from, the scores are.
    """
    if not earlier or not held_out:
        return True
    best = max(earlier)
    if held_out < _ENOUGH:
        return dice > best - min(max((1 - best) / 2, _LEAST_FALL), _MOST_FALL)
    return dice > earlier[0] and dice >= best


def judge_model(retrained: Retrained, *, classes: Sequence[str], rival: str) -> Verdict:
    """Whether to use a new model in a project with these classes (names, background first).

    `rival` is the id of the active model where it tells the same classes apart, or empty: nothing else can be lost by
    using the new one.
    """
    if list(retrained.classes) != list(classes):
        return Verdict.OTHER_CLASSES
    if retrained.kept.round == 0:
        return Verdict.NO_BETTER
    if rival and rival != retrained.parent:
        return Verdict.OTHER_START
    if not retrained.held_out:
        return Verdict.NOT_COMPARED
    return Verdict.BETTER if retrained.dice > retrained.dice_before else Verdict.ABOUT_AS_GOOD
