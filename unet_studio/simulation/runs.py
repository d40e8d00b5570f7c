"""The settings and the results of a simulation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median

from unet_studio.core.scoring.next_plane import Order


class Way(StrEnum):
    """How a person works on planes that have a proposal; those without one get first strokes of every class."""

    CORRECTIVE = "corrective"
    """Corrects all that is wrong."""
    DENSE = "dense"
    """Sees no proposals and paints everything."""
    ERASE_ONLY = "erase-only"
    """Takes away what is too much, and nothing else."""
    ADD_ONLY = "add-only"
    """Paints what is missing, and nothing else."""
    WORST_THREE = "worst-three"
    """Corrects the three largest wrong regions of each plane."""
    REVIEWS_MOST = "reviews-most"
    """Corrects one plane in five, and marks the others as reviewed as they are, wrong or not."""
    EMPTIES = "empties"
    """Marks the planes as reviewed that show nothing but background, and looks at no others."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One simulation. `start` is a starter model's name or a model's folder; empty: training begins from scratch.

    `classes` are those without background; they are ignored where `start` has its own. `foreground` is as for
    `to_classes`. `train_seconds` limits each training (0: as long as the recipe says). Without a `recipe` it is the one
    that the window uses. Planes are taken up in `order`. The person has the model trained so many times as `clicks`
    says, after equal shares of the `minutes`, and waits for it; with 0 clicks a training begins whenever the last has
    ended, and the person goes on meanwhile. Judged are the `test` slides or, without any, a share of all.
    """

    folder: Path
    truth: Path
    foreground: str | None = None
    classes: tuple[str, ...] = ("foreground",)
    start: str = ""
    way: Way = Way.CORRECTIVE
    clicks: int = 0
    minutes: float = 5.0
    train_seconds: float = 60.0
    test: tuple[str, ...] = ()
    test_share: float = 0.3
    seed: int = 0
    recipe: str = ""
    changes: tuple[str, ...] = ()
    order: Order = Order.TEACHES_MOST


@dataclass(frozen=True, slots=True)
class Judged:
    """How good a model's proposals are.

    `f1` is the Dice pooled over the pixels of all test slides, its mean over the classes but background;
    `false_objects` counts what it proposes there of which most isn't so. `corrected_right` is the share of the pixels
    right that a person had corrected: they were proposed wrongly, and were painted. It is of the slides that models
    learn from, and NaN where nothing was corrected.
    """

    f1: float
    false_objects: int
    corrected_right: float = math.nan


@dataclass(frozen=True, slots=True)
class Point:
    """What a person's first `minutes` of work came to: F1 and false objects of the model then in use, on the test
    slides.

    The new `model`, adopted or not, learned from these minutes, and was there to propose `ready` minutes after the work
    began; it is None for what the work begins with.
    """

    minutes: float
    ready: float
    planes: int
    strokes: int
    f1: float
    false_objects: int = 0
    model: Judged | None = None
    is_adopted: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One simulation: the slides worked on, those judged on, and what came of it in order of time.

    `ceiling` is the F1 after training on all slides of the pool fully labelled; NaN where it wasn't asked for.
    """

    seed: int
    pool: tuple[str, ...]
    test: tuple[str, ...]
    points: tuple[Point, ...]
    ceiling: float

    def f1_after(self, minutes: float) -> float:
        """F1 of the newest model that learned from at most so many minutes of work; NaN before there is one."""
        known = [point.f1 for point in self.points if point.minutes <= minutes]
        return known[-1] if known else math.nan

    def share(self, f1: float) -> float:
        """An F1 as a share of the ceiling; NaN without one."""
        return f1 / self.ceiling if self.ceiling else math.nan


@dataclass(frozen=True, slots=True)
class Medians:
    """Over runs, after so many minutes of work: F1, and its share of the ceiling (NaN where there is none)."""

    minutes: float
    f1: float
    share: float


def take_medians(runs: Sequence[Run]) -> tuple[Medians, ...]:
    """The medians of runs that differ by their seed, at every time at which all have a model and one has a new one."""
    times = sorted({point.minutes for run in runs for point in run.points})
    first = max(min(point.minutes for point in run.points) for run in runs)
    curve = []
    for minutes in times:
        if minutes >= first:
            reached = [run.f1_after(minutes) for run in runs]
            shares = [run.share(f1) for f1, run in zip(reached, runs, strict=True)]
            curve.append(Medians(minutes, median(reached), median(shares)))
    return tuple(curve)
