"""Masks: labels over the cleaned-up proposal; what is shown, measured and exported."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.clean_up import Step, clean_up, reach
from unet_studio.core.labels import LabelPlane
from unet_studio.core.proposals import Proposal, to_mask
from unet_studio.core.tiles import Box


@dataclass(frozen=True, slots=True)
class MaskView:
    """How a plane's mask comes about; all of it is decided by a person except the proposal."""

    labels: LabelPlane
    proposal: Proposal | None
    threshold: float = 0.5
    steps: tuple[Step, ...] = ()

    def cleaned(self, box: Box) -> NDArray[np.uint8]:
        """The cleaned-up proposal inside `box`, class indices (h, w); background where there is no proposal."""
        if self.proposal is None:
            return np.full(box.shape, BACKGROUND, dtype=np.uint8)
        around = box.grow(reach(self.steps)).intersect(Box.of_shape(self.proposal.shape))
        return cleaned_mask(self.proposal.read(around), self.threshold, self.steps)[box.within(around)]

    def read(self, box: Box) -> NDArray[np.uint8]:
        """The mask inside `box`, class indices (h, w)."""
        return lay_over(self.labels.read(box), self.cleaned(box))


def cleaned_mask(probabilities: NDArray[np.uint8], threshold: float, steps: Sequence[Step]) -> NDArray[np.uint8]:
    """Probabilities (h, w, channels) as cleaned-up class indices (h, w)."""
    return clean_up(to_mask(probabilities, threshold), steps)


def lay_over(labels: NDArray[np.uint8], cleaned: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels where a person said something, the cleaned-up proposal elsewhere."""
    return np.where(labels == UNLABELLED, cleaned, labels)
