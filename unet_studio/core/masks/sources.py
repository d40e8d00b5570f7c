"""Mask sources: what says what is where on a plane, to be compared with another: the mask, labels, a proposal."""

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
    """One source under the name a person knows it by; `model` is the id of the one that proposed.

    It holds for any plane, so that two sources stay compared from slide to slide.
    """

    name: str
    kind: SourceKind
    model: str = ""

    def view(self, mask: MaskView, proposals: Mapping[str, Proposal]) -> MaskView:
        """What this source alone says of the plane of `mask`, at the mask's own threshold and clean-up.

        `proposals` are those of the plane, by model; a model that isn't among them says nothing.
        """
        match self.kind:
            case SourceKind.MASK:
                return mask
            case SourceKind.LABELS:
                return replace(mask, proposal=None)
            case SourceKind.PROPOSAL:
                nobody = LabelPlane(mask.labels.shape)
                return replace(mask, labels=nobody, proposal=proposals.get(self.model))
