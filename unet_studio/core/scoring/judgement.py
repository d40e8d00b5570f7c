"""Judgements: what is said of a new model, whether it is used, and the figures that say why."""

import math
from dataclasses import dataclass
from enum import StrEnum

from unet_studio.core.scoring.bootstrap import Interval
from unet_studio.protocol.values import Corrections

_COLLAPSED = 0.1
"""A class that keeps less than this part of the area that is expected of it elsewhere is as good as forgotten."""
_FLOODED = 0.25
"""A class that takes so much more of all pixels elsewhere than twice what is expected of it is taken for everything."""
_MUCH = 1.5
"""By this factor, up or down, the area of a class may change elsewhere before that is much."""
_ALIKE = 0.9
"""Where old and new overlap by a lower Dice elsewhere that is much, too. Seen: 0.86 where careless strokes made slides
fall from 0.95 to 0.86 at an area that changed by 1 %, and 0.93 where all stayed well."""
_SEEN = 0.0005
"""A class of fewer of the pixels than this says nothing by how its area changes."""
_FALL = 0.01
"""By so much the Dice on the hold-out may be lower where it is too close to call."""
_RIGHT = 0.9
"""Where this part of the labels that were learned is right, they are kept, whatever they were before."""

_NO_INTERVAL = Interval(math.nan, math.nan, math.nan)
_NO_LABELS = Corrections(0, 0, 0, 0)


class Verdict(StrEnum):
    """What is said of a new model."""

    BETTER = "better"
    """It scores higher on the hold-out, and chance alone would hardly make it."""
    WORSE = "worse"
    """It scores lower on the hold-out, and chance alone would hardly make it."""
    TOO_CLOSE = "too close to call"
    """The interval of the difference holds 0."""
    NOT_JUDGED = "not judged"
    """The hold-out can't tell: nobody vouched for any of it, or it has none of the classes."""
    FIRST = "first model"
    """There is no model that it would take the place of."""
    LEARNED_NOTHING = "learned nothing"
    """A first model that has none of its labels right, or no round better than what it began with."""
    CHANGES_ELSEWHERE = "changes too much elsewhere"
    """It forgot a class, or takes everything for it, where nobody labelled."""
    TORN = "worse on many slides"
    """It is much worse on many slides, whatever it gains on others: as if their labels contradicted each other."""
    STOPPED = "stopped too early"
    """The training was stopped in its first round."""
    OTHER_RIVAL = "other model in use"
    """It was compared with another model than the active one, or with none."""
    OTHER_CLASSES = "other classes"
    """The project's classes are no longer those that it learned."""
    NOT_USABLE = "not usable"
    """It was to be used, but could not be read, or nothing may be written."""


class TooClose(StrEnum):
    """What becomes of a new model where the hold-out can't tell whether it is better; the user's choice."""

    IF_KEPT = "if-corrections-kept"
    """It is used if most of what was corrected is right in it, nothing else changes much, and the Dice on the hold-out,
    where there is one, is not notably lower."""
    ALWAYS = "always"
    """It is used, since it learned from more."""
    NEVER = "never"
    """The model before stays."""

    @classmethod
    def read(cls, setting: str) -> "TooClose":
        """What is kept in a project as text; the first where nothing that is known was chosen."""
        return cls(setting) if setting in [*cls] else cls.IF_KEPT


@dataclass(frozen=True, slots=True)
class AreaChange:
    """The area of one class where nobody labelled, as shares of these pixels, in the model before and in the new one.

    `overlap` is the Dice of the two. `expected` and `expected_overlap` are what corrections alone account for: the area
    that whole corrected planes have of the class for each pixel that the model before proposed of it, and its Dice with
    them; without such planes it is the area before, and 1.
    """

    name: str
    before: float
    after: float
    expected: float
    overlap: float = 1.0
    expected_overlap: float = 1.0

    @property
    def is_seen(self) -> bool:
        return max(self.before, self.after) >= _SEEN

    @property
    def is_forgotten(self) -> bool:
        return self.is_seen and self.after < _COLLAPSED * min(self.before, self.expected)

    @property
    def is_everything(self) -> bool:
        return self.after > 2 * max(self.before, self.expected) + _FLOODED

    @property
    def is_much(self) -> bool:
        """Whether its area changes much, or it is found in other places."""
        low, high = min(self.before, self.expected) / _MUCH, max(self.before, self.expected) * _MUCH
        in_other_places = self.overlap < _ALIKE * self.expected_overlap
        return self.is_seen and (in_other_places or not low - _SEEN <= self.after <= high + _SEEN)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of a new model, whether it is used, and the figures behind it.

    The Dice is the mean over the classes but background that the judged labels have, pooled over what a person vouched
    for on held-out slides; NaN where there is nothing to judge.

    Attributes:
        rival: id of the model before; empty: there is none.
        difference: Dice after less before, with its interval over slides, or over tiles of one.
        slides: how many held-out slides were judged.
        units: of how many slides or tiles the interval is.
        over_tiles: whether it is over the tiles of a single slide, and says nothing of others.
        pixels: how many labelled pixels were judged.
        proposed: how many of them are as a model had proposed them.
        in_bulk: what was accepted from a model many at once, and doesn't count: pixels, Dice before and after.
        unseen_strokes: labels on held-out slides that judge nothing, since they were painted over mistakes.
        learned_strokes: such labels that it learned from.
        learned_whole: planes that it learned from and that a person vouched for as a whole.
        missing: the classes that the judged labels lack.
        changes: the area of each class where nobody labelled.
        fallen_learned: on how many whole slides that it learned from it is much worse than before, and of how many.
        fallen_judged: likewise of those that were judged.
        elsewhere: how many slides that nobody labelled were looked at for it, and of how many.
        rule: what the user chose for what is too close to call.
    """

    verdict: Verdict
    is_adopted: bool
    model: str
    rival: str = ""
    dice_before: float = math.nan
    dice_after: float = math.nan
    difference: Interval = _NO_INTERVAL
    slides: int = 0
    units: int = 0
    over_tiles: bool = False
    pixels: int = 0
    proposed: int = 0
    in_bulk: tuple[int, float, float] = (0, math.nan, math.nan)
    unseen_strokes: Corrections = _NO_LABELS
    learned_strokes: Corrections = _NO_LABELS
    learned_whole: Corrections = _NO_LABELS
    missing: tuple[str, ...] = ()
    changes: tuple[AreaChange, ...] = ()
    fallen_learned: tuple[int, int] = (0, 0)
    fallen_judged: tuple[int, int] = (0, 0)
    elsewhere: tuple[int, int] = (0, 0)
    rule: TooClose = TooClose.IF_KEPT

    @property
    def keeps_corrections(self) -> bool:
        """Whether most of what was painted is right in the new model, and it mends more than it spoils.

        Where a plane was corrected as a whole most corrected pixels are at borders, of which no model has most right.
        """
        strokes, whole = self.learned_strokes, self.learned_whole
        right = strokes.labelled - strokes.wrong + strokes.mended - strokes.spoiled
        mends = 2 * strokes.mended >= strokes.wrong or right >= _RIGHT * strokes.labelled
        return mends and strokes.mended >= strokes.spoiled and whole.mended >= whole.spoiled

    @property
    def is_torn(self) -> bool:
        """Whether it is much worse on more than a fifth of the slides, learned or judged."""
        return any(5 * fallen > of for fallen, of in (self.fallen_learned, self.fallen_judged))

    @property
    def falls(self) -> bool:
        """Whether the Dice on the hold-out is notably lower, though perhaps by chance."""
        return self.difference.value < -_FALL

    @property
    def changes_much(self) -> bool:
        """Whether some class would change much in area where nobody labelled."""
        return any(change.is_much for change in self.changes)
