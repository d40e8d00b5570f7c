"""Jobs, the events while they run, and their results: the types that both sides of the pipe share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from unet_studio.errors import Cancelled

# Jobs


@dataclass(frozen=True, slots=True)
class View:
    """What is on the screen: rows y0 to y1 and columns x0 to x1, ends excluded, of a plane of a slide."""

    slide: str
    plane: int
    y0: int
    x0: int
    y1: int
    x1: int


@dataclass(frozen=True, slots=True)
class ProposeJob:
    """Propose masks; `planes` are pairs of slide and plane, plane -1 for all planes of the slide.

    With `flips` (test-time augmentation) every tile is predicted in eight orientations; a plane that was proposed the
    other way is proposed again.
    The plane in `view` comes first among those of its slide, and of a large one what is in view is proposed first, then
    what is around it: each `PartProposed` says that more of it is stored.
    """

    folder: str
    place: str
    model: str
    planes: Sequence[tuple[str, int]]
    overwrite: bool = False
    view: View | None = None
    flips: bool = False


@dataclass(frozen=True, slots=True)
class RetrainJob:
    """Retrain `model` (empty: from scratch) on the project's labels by a recipe and changes such as 'seed=1'.

    Without a `recipe` it is the usual one: 'retrain' from a model, 'from-scratch' for a first one.
    With `resume` the training that was interrupted last goes on instead, with the model and recipe that it has.
    """

    folder: str
    place: str
    model: str
    recipe: str = ""
    changes: Sequence[str] = ()
    channels: int = 0  # from scratch: network channels; 0 takes them from the first labelled slide
    resume: bool = False


@dataclass(frozen=True, slots=True)
class CompareJob:
    """Compare the models `before` and `after` on the project's labels as they are now."""

    folder: str
    place: str
    before: str
    after: str


Job = ProposeJob | RetrainJob | CompareJob


# Events, which are reported while a job runs


@dataclass(frozen=True, slots=True)
class PartProposed:
    """Of a plane's proposal there is more than before, but not all."""

    slide: str
    plane: int
    model: str


@dataclass(frozen=True, slots=True)
class PlaneProposed:
    """The proposal of a plane is stored."""

    slide: str
    plane: int
    model: str


@dataclass(frozen=True, slots=True)
class SlideFailed:
    """A slide was left out; `reason` is a sentence. The job goes on with the others."""

    slide: str
    reason: str


@dataclass(frozen=True, slots=True)
class Preparing:
    """Before a training: labelled plane number `number` of `planes` is being read, from 1 on."""

    slide: str
    number: int
    planes: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of a training came to; round 0 is the model before it, and its loss is NaN.

    `dice` is the mean over the classes but background, pooled over the labelled pixels of some windows: of slides set
    aside for it, else of the hold-out, else of what is learned; NaN where they have no class. `kept`: of all rounds so
    far this one's weights are kept. `note` says what went wrong and what was done about it, in sentences. `preview` is
    the file of a picture, or empty.
    """

    round: int
    rounds: int
    loss: float
    dice: float
    seconds: float
    kept: bool
    note: str = ""
    preview: str = ""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The job was cancelled, and is finishing what must not be left half done."""


@dataclass(frozen=True, slots=True)
class PhaseBegan:
    """A job of several parts, such as the demo, begins the next."""

    title: str


Event = PartProposed | PlaneProposed | SlideFailed | Preparing | Round | Stopping | PhaseBegan


# Results


@dataclass(frozen=True, slots=True)
class Proposed:
    """How many planes were proposed by `model`, had a proposal already, and how many slides failed."""

    model: str
    proposed: int
    skipped: int = 0
    failed: int = 0


Confusion = Sequence[Sequence[int]]
"""Pixels counted by what they are (rows) and what they were taken for (columns)."""


@dataclass(frozen=True, slots=True)
class ComparedTile:
    """A part of a slide, of at most 256 × 256 pixels, in the proposals of the model before and of the new one.

    `before` and `after` count its labelled pixels: the rows are the labels' classes, the columns the proposal's.
    """

    slide: str
    before: Confusion
    after: Confusion


@dataclass(frozen=True, slots=True)
class Corrections:
    """Labelled pixels by what the model before and the new one say of them.

    `wrong` of them the model before had wrong, `mended` of these the new one has right; `spoiled` were right before and
    are wrong now.
    """

    labelled: int
    wrong: int
    mended: int
    spoiled: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a new model compares with the one that would go on proposing without it, on the same pixels.

    Neither chose anything by them, and the new one learned from what is called learned alone.

    Attributes:
        rival: id of the model before.
        judged: what a person vouched for as a whole on held-out slides: reviewed planes, or mostly labelled ones.
        proposed: how many of these pixels are as a model had proposed them.
        in_bulk: held-out planes that were accepted from a model many at once; they don't count.
        unseen_strokes: other labels on held-out slides. Mistakes of the model before were painted over there, so any
            other model looks better on them.
        learned_strokes: such labels that the new model learned from.
        learned_whole: planes that it learned from and that a person vouched for as a whole.
        learned: the tiles of these.
        elsewhere: slides that nobody labelled, of a sample; the rows are the classes of the model before, the columns
            those of the new one.
        unlabelled: likewise what nobody labelled on labelled slides.
        elsewhere_slides: how many slides are in that sample.
        unlabelled_slides: of so many that nobody labelled.
    """

    rival: str
    judged: Sequence[ComparedTile]
    proposed: int
    in_bulk: Sequence[ComparedTile]
    unseen_strokes: Corrections
    learned_strokes: Corrections
    learned_whole: Corrections
    learned: Sequence[ComparedTile]
    elsewhere: Confusion
    unlabelled: Confusion
    elsewhere_slides: int
    unlabelled_slides: int

    def counts(self, classes: int) -> bool:
        """Whether everything in it that is counted is of so many classes, background included."""
        tiles = [count for tile in (*self.judged, *self.in_bulk, *self.learned) for count in (tile.before, tile.after)]
        return all(
            len(confusion) == classes and all(len(row) == classes and min(row, default=0) >= 0 for row in confusion)
            for confusion in (*tiles, self.elsewhere, self.unlabelled)
        )


@dataclass(frozen=True, slots=True)
class Retrained:
    """A model that was trained and published, and how it compares with the one that it would take the place of.

    Whether to use it is for `core.scoring.gate` to say.

    Attributes:
        model: its id.
        parent: id of the model that the training started from; empty: from scratch.
        classes: the names of the classes that it tells apart, background first.
        held_out: the number of labelled slides that it didn't learn from.
        history: all rounds, that of before the training first.
        comparison: None where there is no model that it can be compared with.
        stopped: whether the training was ended before it was through.
    """

    model: str
    parent: str
    classes: Sequence[str]
    held_out: int
    history: Sequence[Round]
    comparison: Comparison | None = None
    stopped: bool = False

    def __post_init__(self) -> None:
        if not any(report.kept for report in self.history):
            raise ValueError("a training keeps the weights of one of its rounds, or those that it began with")
        if self.comparison is not None and not self.comparison.counts(len(self.classes)):
            raise ValueError(f"its comparison doesn't count pixels of {len(self.classes)} classes")

    @property
    def kept(self) -> Round:
        """The round whose weights the model has; number 0: those that the training began with."""
        return kept_round(self.history)

    @property
    def rounds(self) -> int:
        """The number of rounds that were trained."""
        return self.history[-1].round


@dataclass(frozen=True, slots=True)
class Compared:
    """Two models on the labels that there are now.

    Attributes:
        model: id of the second one; `comparison.rival` is the first.
        classes: the names of the classes that both tell apart, background first.
        comparison: what both propose on the same tiles. What it calls learned are labels on slides that aren't
            held out, whether or not one of the two learned from them.
        left_out: held-out slides that judge nothing, since one of the two learned from them.
        unknown: ids of those of the two of which it isn't known what they learned from.
    """

    model: str
    classes: Sequence[str]
    comparison: Comparison
    left_out: Sequence[str] = ()
    unknown: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.comparison.counts(len(self.classes)):
            raise ValueError(f"its comparison doesn't count pixels of {len(self.classes)} classes")


def kept_round(history: Sequence[Round]) -> Round:
    """The last round whose weights were kept."""
    return next(report for report in reversed(history) if report.kept)


Result = Proposed | Retrained | Compared


class Progress(Protocol):
    """A progress reporter: a job reports to it how far it is, and asks it whether to stop."""

    def report(self, done: float, text: str) -> None:
        """`done` is the share finished, 0…1; `text` says what is being worked on."""

    def event(self, event: Event) -> None:
        """Something finished on the way."""

    def cancelled(self) -> bool:
        """Whether the user asked to stop."""


class _NoProgress:
    """A progress reporter that reports nothing and never cancels."""

    def report(self, done: float, text: str) -> None: ...

    def event(self, event: Event) -> None: ...

    def cancelled(self) -> bool:
        return False


NO_PROGRESS: Progress = _NoProgress()
"""For a job whose progress is shown nowhere."""


def check_cancelled(progress: Progress, sentence: str) -> None:
    """Raise `Cancelled` with this sentence where the user asked to stop."""
    if progress.cancelled():
        raise Cancelled(sentence)
