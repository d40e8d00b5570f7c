"""The settings and the results of a simulation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from unet_studio.core.scoring.next_plane import Order


@dataclass(frozen=True, slots=True)
class Setup:
    """One simulation. `start` is a starter model's name or a model's folder; empty: training begins from scratch.

    `classes` are those without background; they are ignored where `start` has its own. `foreground` is as for
    `to_classes`. With `dense` the person sees no proposals and paints everything. `train_seconds` limits each training
    (0: as long as the recipe says). Without a `recipe` it is the one that the window uses. Planes are taken
    up in `order`.
    """

    folder: Path
    truth: Path
    foreground: str | None = None
    classes: tuple[str, ...] = ("foreground",)
    start: str = ""
    dense: bool = False
    minutes: float = 5.0
    train_seconds: float = 60.0
    test_share: float = 0.3
    seed: int = 0
    recipe: str = ""
    changes: tuple[str, ...] = ()
    order: Order = Order.TEACHES_MOST


@dataclass(frozen=True, slots=True)
class Point:
    """What a person's first `minutes` of work came to: the F1 on the test slides of the model then in use.

    The model learned from these minutes, and was there to propose `ready` minutes after the work began. F1 is the Dice
    pooled over the pixels of all test slides, its mean over the classes but background.
    """

    minutes: float
    ready: float
    planes: int
    strokes: int
    f1: float


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
