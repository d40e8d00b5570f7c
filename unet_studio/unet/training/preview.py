"""Previews: the mask of one validation window after each round."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import LabelClass
from unet_studio.core.figures.mask_colours import blend_overlay
from unet_studio.core.files import write_atomically
from unet_studio.core.masks.proposals import to_mask
from unet_studio.errors import StudioError
from unet_studio.protocol.values import Round
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.training.validation import ValidationWindow


class Preview:
    """Draws one validation window with its mask after each round."""

    def __init__(self, windows: Sequence[ValidationWindow], classes: Sequence[LabelClass], folder: Path) -> None:
        # The window with most foreground shows most.
        self._window = max(windows, key=lambda w: int(np.count_nonzero((w.labels > 0) & (w.labels != 255))))
        self._colours = np.array([c.colour for c in classes], dtype=np.uint8)
        self._folder = folder

    def draw(self, report: Round, predictor: Predictor) -> str:
        """Write the picture of a round; its file, empty where none can be written, which is no reason to stop."""
        mask = to_mask(predictor.probabilities(self._window.pixels))
        picture = blend_overlay(_as_rgb(self._window.pixels), mask, self._colours, 0.45)
        file = self._folder / f"round-{report.round:03d}.png"
        try:
            write_atomically(file, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        except StudioError:
            return ""
        return str(file)


def _as_rgb(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.clip(pixels * 255, 0, 255).astype(np.uint8)
    return grey if grey.shape[2] == 3 else np.repeat(grey[..., :1], 3, axis=2)
