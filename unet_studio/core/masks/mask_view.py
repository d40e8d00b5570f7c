"""Masks: labels over the cleaned-up proposal; what is shown, measured and exported."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.cleaning.clean_up import clean_up, halo
from unet_studio.core.cleaning.steps import AREA_OPERATIONS, CRF, WATERSHEDS, Step
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.crf import SlidePlane, apply_crf
from unet_studio.core.masks.proposals import Proposal, to_mask
from unet_studio.core.tiles import Box


@dataclass(frozen=True, slots=True)
class MaskView:
    """How a plane's mask comes about; all of it is decided by a person except the proposal.

    `slide` is where the plane's pixels are, for steps that look at them (crf); without it these do nothing. `problem`
    says why there is no proposal where there should be one.
    """

    labels: LabelPlane
    proposal: Proposal | None
    threshold: float = 0.5
    steps: tuple[Step, ...] = ()
    slide: SlidePlane | None = None
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the mask is all that it should be: nothing is missing under the labels, or they cover the plane."""
        return not self.problem or self.labels.is_full

    def cleaned(self, box: Box, *, shrink: int = 1) -> NDArray[np.uint8]:
        """The cleaned-up proposal inside `box`, class indices (h, w); background where there is no proposal.

        With `shrink`, a power of two up to 256, only every shrink-th pixel is worked on and the clean-up's radii
        shrink too: right enough to look at a large plane as a whole, at a cost that follows the view.
        """
        if self.proposal is None:
            return np.full(box.shape, BACKGROUND, dtype=np.uint8)
        steps = shrunken_steps(self.steps, shrink)
        plane = Box(0, 0, *(-(-side // shrink) for side in self.proposal.shape))
        around = box.grow(halo(steps)).intersect(plane)
        return cleaned_mask(self.probabilities(around, shrink=shrink), self.threshold, steps)[box.within(around)]

    def probabilities(self, box: Box, *, shrink: int = 1) -> NDArray[np.uint8]:
        """What the mask is made of, after the steps that look at the slide: (h, w, channels) inside `box`, 0…255.

        There must be a proposal. With `shrink` as for `cleaned`, and `box` counts in the pixels that are left.
        """
        assert self.proposal is not None
        steps = [step for step in shrunken_steps(self.steps, shrink) if step.operation == CRF]
        if steps and self.slide is not None:
            return apply_crf(self.proposal, self.slide, steps, box, shrink=shrink)
        return self.proposal.read(box, shrink=shrink)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """The mask inside `box`, class indices (h, w)."""
        labels = self.labels.read(box)
        return lay_over(labels, self.cleaned(box)) if (labels == UNLABELLED).any() else labels


def shrunken_steps(steps: Sequence[Step], shrink: int) -> tuple[Step, ...]:
    """Clean-up steps for a plane of which every shrink-th pixel is left; steps too small to see are dropped."""
    scaled = []
    for step in steps:
        amount = step.amount / (shrink * shrink if step.operation in AREA_OPERATIONS else shrink)
        if step.operation in WATERSHEDS:
            by_distance = step.operation == "watershed-distance"
            scaled.append(replace(step, amount=amount, height=step.height / (shrink if by_distance else 1)))
        elif step.operation == CRF:
            scaled += [replace(step, amount=amount)] if amount >= 1 else []
        elif round(amount) or step.amount == 0:
            scaled.append(replace(step, amount=round(amount)))
    return tuple(scaled)


def cleaned_mask(probabilities: NDArray[np.uint8], threshold: float, steps: Sequence[Step]) -> NDArray[np.uint8]:
    """Probabilities (h, w, channels), after the crf steps, as cleaned-up class indices (h, w)."""
    return clean_up(to_mask(probabilities, threshold), steps, probabilities)


def lay_over(labels: NDArray[np.uint8], cleaned: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels where a person said something, the cleaned-up proposal elsewhere."""
    return np.where(labels == UNLABELLED, cleaned, labels)
