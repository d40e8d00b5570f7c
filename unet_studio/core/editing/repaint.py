"""Repainting: what an operation wants to change on a plane, as a value that becomes one edit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.regions import Region
from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState


@dataclass(frozen=True, slots=True, eq=False)
class Repaint:
    """The pixels that shall have another label, and which: `values` (h, w), uint8, of the region's box.

    Only pixels inside the region change, whatever `values` says of the others; so 255 inside means unlabelled.
    """

    region: Region
    values: NDArray[np.uint8]

    @classmethod
    def with_class(cls, region: Region, index: int) -> "Repaint":
        """The same class for every pixel of the region."""
        return cls(region, np.broadcast_to(np.uint8(index), region.box.shape))

    def over(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`labels` (h, w) of the region's box as they are afterwards; a new array."""
        return np.where(self.region.inside, self.values, labels)


def repaint_edit(
    labels: LabelPlane, plane: PlaneId, repaint: Repaint, sentence: str, *, state: PlaneState
) -> Edit | None:
    """The edit that carries out `repaint` on a plane that is in `state`; None where no label would change."""
    box = repaint.region.box
    before = labels.read(box)
    patches = tuple(make_patches(box, before, repaint.over(before)))
    return Edit(sentence, (PlaneChange(plane, patches, state, state.after_edit),)) if patches else None
