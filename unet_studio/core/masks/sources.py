"""Mask sources: what two views of a plane can be compared by: the mask, the labels alone, or a model's proposal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal


class SourceKind(StrEnum):
    """Which part of a mask counts."""

    MASK = "mask"
    LABELS = "labels"
    PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True)
class MaskSource:
    """One source and the name that it is shown by; `model` is the id of the one that proposed.

    It holds for any plane, so that two sources stay compared from slide to slide.
    """

    name: str
    kind: SourceKind
    model: str = ""

    def view(self, mask: MaskView, proposals: Mapping[str, Proposal]) -> MaskView:
        """The mask of the same plane made of this source alone, at the threshold and clean-up of `mask`.

        `proposals` are those of the plane, by model; of a model that isn't among them it is empty.
        """
        match self.kind:
            case SourceKind.MASK:
                return mask
            case SourceKind.LABELS:
                return replace(mask, proposal=None)
            case SourceKind.PROPOSAL:
                unlabelled = LabelPlane(mask.labels.shape)
                return replace(mask, labels=unlabelled, proposal=proposals.get(self.model))
