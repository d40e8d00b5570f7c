"""How many objects a mask has right: those that overlap one labelled object by half or more (IoU)."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.instances import instances

_MATCHED = 0.5
"""The least intersection over union of an object and the labelled one that it is."""


@dataclass(frozen=True, slots=True)
class ObjectCounts:
    """Objects of the labels, of the mask, and pairs of both that are one object; counts are pooled with `+`."""

    labelled: int = 0
    found: int = 0
    right: int = 0

    def __add__(self, other: "ObjectCounts") -> "ObjectCounts":
        return ObjectCounts(self.labelled + other.labelled, self.found + other.found, self.right + other.right)

    @property
    def f1(self) -> float:
        """2 × right / (labelled + found): 1 where every object is found and none is false; NaN without any object."""
        total = self.labelled + self.found
        return 2 * self.right / total if total else math.nan


def count_objects(
    labels: NDArray[np.uint8], mask: NDArray[np.uint8], *, boundaries: Collection[int] = ()
) -> ObjectCounts:
    """Match the objects of a mask to those of the labels, each to one other at most, at an IoU of 0.5 or more.

    Objects are the 4-connected components of each class, as `instances` numbers them; an object is never matched to one
    of another class. Pixels that nobody labelled count neither way.

    Args:
        labels: (h, w) class indices, 255 where unlabelled.
        mask: (h, w) class indices.
        boundaries: classes that only divide, as for `instances`.

    Reference: Caicedo et al. 2019, "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl",
    doi 10.1038/s41592-019-0612-7, which scores nuclei by the F1 of objects matched at thresholds of IoU.
    """
    unlabelled = labels == UNLABELLED
    judged = np.where(unlabelled, np.uint8(UNLABELLED), mask) if unlabelled.any() else mask
    truth, found = instances(labels, boundaries=boundaries), instances(judged, boundaries=boundaries)
    of_truth, of_found = np.bincount(truth.ravel()), np.bincount(found.ravel())
    both = (truth > 0) & (found > 0)
    if not boundaries:
        both &= labels == judged
    pairs, shared = np.unique(truth[both].astype(np.int64) * len(of_found) + found[both], return_counts=True)
    t, f = pairs // len(of_found), pairs % len(of_found)
    iou = shared / (of_truth[t] + of_found[f] - shared)
    right, taken_truth, taken_found = 0, set[int](), set[int]()
    for index in np.argsort(-iou, kind="stable"):
        if iou[index] < _MATCHED:
            break
        one, other = int(t[index]), int(f[index])
        if one not in taken_truth and other not in taken_found:
            taken_truth.add(one)
            taken_found.add(other)
            right += 1
    return ObjectCounts(len(of_truth) - 1, len(of_found) - 1, right)
