"""Agreement of masks with what a person said of whole slides: F1, Dice, and the bias of counts and areas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.scoring.bootstrap import Interval, bootstrap_interval
from unet_studio.core.scoring.object_counts import ObjectCounts
from unet_studio.core.scoring.scores import Counts, mean_dice, ratio


@dataclass(frozen=True, slots=True, eq=False)
class SlideAgreement:
    """One slide's pixels and objects, all its planes pooled."""

    slide: str
    pixels: Counts
    objects: ObjectCounts

    def __add__(self, other: "SlideAgreement") -> "SlideAgreement":
        return SlideAgreement(self.slide, self.pixels + other.pixels, self.objects + other.objects)

    @property
    def area_labelled(self) -> int:
        """Pixels of any class but background in the labels."""
        return int(self.pixels.confusion[1:].sum())

    @property
    def area_found(self) -> int:
        """The same in the mask."""
        return int(self.pixels.confusion[:, 1:].sum())


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures pooled over slides, each with its 95 % interval from the bootstrap over slides.

    A bias is (found - labelled) / labelled: 0.1 is ten per cent too many.
    """

    slides: int
    f1: Interval
    dice: Interval
    count_bias: Interval
    area_bias: Interval


def pool_agreement(slides: Sequence[SlideAgreement]) -> Agreement:
    """Pool slides, each weighing as many objects and pixels as it has."""
    objects = np.array([[one.objects.labelled, one.objects.found, one.objects.right] for one in slides])
    areas = np.array([[one.area_labelled, one.area_found] for one in slides])
    confusions = np.array([one.pixels.confusion for one in slides])
    return Agreement(
        len(slides),
        f1=_interval(objects, lambda sums: ratio(2 * sums[:, 2], sums[:, 0] + sums[:, 1])),
        dice=_interval(confusions, mean_dice),
        count_bias=_interval(objects, lambda sums: ratio(sums[:, 1], sums[:, 0]) - 1),
        area_bias=_interval(areas, lambda sums: ratio(sums[:, 1], sums[:, 0]) - 1),
    )


def _interval(units: NDArray[np.number], statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Interval:
    return bootstrap_interval(units, statistic) if len(units) else Interval(np.nan, np.nan, np.nan)
