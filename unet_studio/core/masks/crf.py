"""The CRF steps of a clean-up applied to a proposal's probabilities; they look at the slide's pixels too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.dense_crf import dense_crf, halo
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.masks.proposals import Proposal, slide_stamp
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.tiles import Box, cells_over, tile_box

_BLOCK = 512
"""Side of what the CRF is applied to at once, so that memory doesn't grow with the plane. The blocks lie on a grid of
the plane, so that a pixel comes out the same in whichever box it is asked for."""


@dataclass(frozen=True, slots=True)
class SlidePlane:
    """Where the pixels of a plane are; they are read when a step asks for them, and their range is measured once."""

    file: Path
    plane: int = 0
    _ranges: dict[str, Range] = field(default_factory=dict, init=False, compare=False, repr=False)
    """The range of the plane's values, by the version of the file."""

    def measure(self, reader: SlideReader) -> Range:
        """The range of the plane's values; `reader` is the slide, open."""
        stamp = slide_stamp(self.file)
        if stamp not in self._ranges:
            self._ranges[stamp] = Normalisation.usual(reader.info.channels).measure(reader, self.plane)
        return self._ranges[stamp]


def apply_crf(
    proposal: Proposal, slide: SlidePlane, steps: Sequence[Step], box: Box, *, shrink: int = 1
) -> NDArray[np.uint8]:
    """Probabilities (h, w, channels), 0…255, of a box on the plane after `steps`, all of them crf.

    `box` counts pixels of the plane reduced `shrink` times, and so do the steps. The slide's values count as shares of
    the contrast of the whole plane, between two percentiles. Raises SlideError where the slide can't be read.
    """
    values = np.zeros((*box.shape, proposal.channels), np.uint8)
    with open_slide(slide.file) as reader:
        plane = reader.info.box(shrink)
        for cell in cells_over(box, _BLOCK):
            block = tile_box(cell, _BLOCK).intersect(plane)
            around = block.grow(sum(halo(step.amount) for step in steps)).intersect(plane)
            part = proposal.read(around, shrink=shrink)
            pixels = _contrasts(reader, slide, around, shrink)
            for step in steps:
                part = dense_crf(
                    part,
                    pixels,
                    sigma_space=step.amount,
                    sigma_colour=step.colour,
                    weight=step.weight,
                    corner=(around.y0, around.x0),
                )
            common = block.intersect(box)
            values[common.within(box)] = part[common.within(around)]
    return values


def _contrasts(reader: SlideReader, slide: SlidePlane, box: Box, shrink: int) -> NDArray[np.float32]:
    """The slide's pixels (h, w, channels), 0…1 within its contrast, NaN where they have no value."""
    raw = reader.read(slide.plane, box, shrink=shrink)
    normalised = Normalisation.usual(reader.info.channels).apply(raw, slide.measure(reader))
    return np.where(np.isfinite(raw), normalised, np.float32(np.nan))
