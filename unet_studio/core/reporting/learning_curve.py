"""The learning curve: what more labelled slides would buy, by the project's own models."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_POINTS = 3


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """A model, how many slides were labelled when it was trained, and its Dice on the hold-out then."""

    model: str
    slides: int
    dice: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The points in order, and the error fitted to them, 1 - Dice = factor × slides ^ -exponent; NaN without a fit."""

    points: tuple[LearningPoint, ...]
    factor: float = math.nan
    exponent: float = math.nan

    @property
    def is_fitted(self) -> bool:
        return not math.isnan(self.factor)

    def dice(self, slides: float) -> float:
        """The Dice to expect with so many labelled slides, at least 0; NaN without a fit."""
        return max(0.0, 1 - self.factor * slides**-self.exponent) if self.is_fitted else math.nan

    @property
    def gain_of_doubling(self) -> float:
        """The Dice that twice the slides of the last model would add, by the fit; NaN without one."""
        if not self.is_fitted:
            return math.nan
        slides = max(point.slides for point in self.points)
        return self.dice(2 * slides) - self.dice(slides)


def fit_learning_curve(points: Sequence[LearningPoint]) -> LearningCurve:
    """Fit a power law to the errors of models by least squares of their logarithms.

    It takes three different numbers of slides. The exponent is never below 0: more labels don't make it worse.

    Reference: Hestness et al. 2017, "Deep learning scaling is predictable, empirically", arXiv:1712.00409.
    """
    ordered = tuple(sorted((one for one in points if one.slides > 0), key=lambda one: one.slides))
    if len({one.slides for one in ordered}) < LEAST_POINTS:
        return LearningCurve(ordered)
    x = np.log([one.slides for one in ordered])
    y = np.log(np.maximum([1 - one.dice for one in ordered], 1e-4))
    slope, intercept = np.polyfit(x, y, 1)
    if slope > 0:
        slope, intercept = 0.0, float(y.mean())
    return LearningCurve(ordered, math.exp(intercept), -float(slope))
