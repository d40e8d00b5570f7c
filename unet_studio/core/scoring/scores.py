"""Scores: how well a mask agrees with the truth, counted on labelled pixels only."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.cleaning.instances import instances, thin_borders
from unet_studio.errors import MaskError


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Pixels counted by what they are and what they were taken for; counts of several planes are pooled with `+`.

    `confusion` is (classes, classes) int64: the rows are the truth's classes, the columns the mask's. A score is NaN
    where there is nothing to judge.
    """

    confusion: NDArray[np.int64]

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.confusion + other.confusion)

    @property
    def labelled(self) -> int:
        """The number of pixels that were compared."""
        return int(self.confusion.sum())

    @property
    def pixel_accuracy(self) -> float:
        return float(ratio(np.trace(self.confusion), self.labelled))

    def dice(self, index: int) -> float:
        """The Sørensen-Dice coefficient of one class, as by `class_dice`."""
        return float(class_dice(self.confusion)[index])

    def iou(self, index: int) -> float:
        """The Jaccard index of one class (intersection over union), |A ∩ B| / |A ∪ B|; NaN where it is in neither."""
        shared = self.confusion[index, index]
        return float(ratio(shared, self.confusion[index].sum() + self.confusion[:, index].sum() - shared))

    @property
    def mean_dice(self) -> float:
        """The mean of `dice` over the classes but background that are in the truth or in the mask."""
        return float(mean_dice(self.confusion))

    @property
    def mean_dice_of_truth(self) -> float:
        """The mean of `dice` over the classes but background that are in the truth; NaN where it has none of them."""
        return float(mean_dice(self.confusion, of_truth=True))

    @property
    def mean_iou(self) -> float:
        """The mean of `iou` over the classes but background that are in the truth or in the mask."""
        known = [iou for iou in map(self.iou, range(BACKGROUND + 1, len(self.confusion))) if not math.isnan(iou)]
        return sum(known) / len(known) if known else math.nan


def class_dice(confusions: NDArray[np.number]) -> NDArray[np.float64]:
    """The Sørensen-Dice coefficient of each class, 2 |A ∩ B| / (|A| + |B|); NaN where it is in neither.

    Of confusions (…, classes, classes), laid out as in `Counts`, it is (…, classes).
    """
    both = confusions.sum(axis=-1) + confusions.sum(axis=-2)
    shared = np.diagonal(confusions, axis1=-2, axis2=-1)
    return ratio(2 * shared, both)


def mean_dice(confusions: NDArray[np.number], *, of_truth: bool = False) -> NDArray[np.float64]:
    """The mean of `class_dice` over the classes but background, (…), of confusions (…, classes, classes).

    It is over the classes that are in the truth or in the mask, since a false object of a class that nobody labelled is
    an error like any other. To compare masks by one truth it is over the classes of the truth alone (`of_truth`): else
    what a mask finds would decide which classes it is judged by. NaN where there is no such class.
    """
    dice = class_dice(confusions)[..., BACKGROUND + 1 :]
    counts = confusions.sum(axis=-1)[..., BACKGROUND + 1 :] > 0 if of_truth else ~np.isnan(dice)
    return ratio(np.where(counts, dice, 0).sum(axis=-1), counts.sum(axis=-1))


def ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """The quotient of two numbers, or of arrays of one shape; NaN where `whole` is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


def count(truth: NDArray[np.uint8], mask: NDArray[np.uint8], classes: int) -> Counts:
    """Compare the class indices of two arrays of one shape where `truth` is labelled (not 255).

    `classes` includes the background. Raises MaskError where the shapes differ or a compared pixel is of no class.
    """
    _check_shapes(truth, mask)
    is_labelled = truth != UNLABELLED
    of_truth, of_mask = truth[is_labelled], mask[is_labelled]
    for whose, values in (("truth", of_truth), ("mask", of_mask)):
        if values.size and values.max() >= classes:
            raise MaskError(
                f"The {whose} has the value {values.max()}, but the classes run from 0 to {classes - 1}. "
                "Renumber its values or add the missing classes."
            )
    pairs = of_truth.astype(np.int64) * classes + of_mask
    return Counts(np.bincount(pairs, minlength=classes * classes).astype(np.int64).reshape(classes, classes))


def rand_score(truth_instances: NDArray[np.integer], mask_instances: NDArray[np.integer]) -> float:
    """V-Rand: the F-score over pairs of pixels that both divisions put into one instance, 1 for equal divisions.

    Both arrays are instance numbers of one shape. Only the pixels of the truth's instances count (foreground-
    restricted), so that no unlabelled part matters; what the mask calls 0 counts as one instance, so that borders wider
    than the truth's cost a little unless `thin_borders` took them away before, as the paper does. A pixel makes no pair
    with itself, which matters only to instances of few pixels. NaN where no instance, of truth or mask, has two such
    pixels.

    Raises MaskError where the shapes differ.

    Reference: Arganda-Carreras et al., "Crowdsourcing the creation of image segmentation algorithms for
    connectomics" (2015), doi 10.3389/fnana.2015.00142.
    """
    _check_shapes(truth_instances, mask_instances)
    inside = truth_instances != 0
    of_truth, of_mask = truth_instances[inside].astype(np.int64), mask_instances[inside].astype(np.int64)
    both = of_truth * (of_mask.max(initial=0) + 1) + of_mask
    return float(ratio(2 * _pairs(both), _pairs(of_truth) + _pairs(of_mask)))


class TrueInstances:
    """The instances of a true mask, which the instances of other masks are scored against.

    Args:
        truth: (h, w) class indices, 255 where unlabelled.
        boundaries: the classes that only divide, as for `instances`; truth and masks are seen by the same ones.
    """

    def __init__(self, truth: NDArray[np.uint8], *, boundaries: Collection[int]) -> None:
        self._boundaries = boundaries
        self._instances = instances(truth, boundaries=boundaries)

    def v_rand(self, mask: NDArray[np.uint8]) -> float:
        """V-Rand after border thinning (see `rand_score`) of a mask, (h, w) class indices."""
        return rand_score(self._instances, thin_borders(instances(mask, boundaries=self._boundaries)))


def _pairs(numbers: NDArray[np.int64]) -> int:
    """How many ordered pairs of different pixels have the same number."""
    sizes = np.unique(numbers, return_counts=True)[1].astype(np.int64)
    return int(sizes @ sizes) - numbers.size


def _check_shapes(truth: NDArray[np.integer], mask: NDArray[np.integer]) -> None:
    if truth.shape != mask.shape:
        raise MaskError(
            f"The mask is {_size(mask)} pixels and the truth is {_size(truth)}: they can't be of the same slide. "
            "Check that their names belong together."
        )


def _size(values: NDArray[np.integer]) -> str:
    return " × ".join(str(side) for side in values.shape)
