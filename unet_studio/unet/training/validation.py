"""Validation windows: the parts of labelled planes on which networks are scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import Step
from unet_studio.core.masks.mask_view import cleaned_mask
from unet_studio.core.scoring.next_plane import evenly_spaced
from unet_studio.core.scoring.scores import Counts, count
from unet_studio.core.tiles import Box, tile_box
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import NO_AUGMENTATION, Schedule
from unet_studio.unet.tiling import read_mirrored
from unet_studio.unet.training.patches import LabelledSlide, draw_slide

_WINDOW = 512
MOST_WINDOWS = 24


@dataclass(frozen=True, slots=True)
class ValidationWindow:
    """A part of a labelled plane on which models are compared: network input and labels of equal (h, w)."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]


def validation_windows(
    slides: Sequence[LabelledSlide],
    schedule: Schedule | None = None,
    *,
    most: int = MOST_WINDOWS,
    each: Callable[[], None] = lambda: None,
) -> list[ValidationWindow]:
    """At most so many windows of 512² around the labels of `slides`, evenly spread; the same at every call.

    Where patches are whole slides by the `schedule`, so are the windows: resized as the patches are, but not augmented.
    `each` is called before a window is read, and may raise to stop.
    """

    def read(slide: LabelledSlide, box: Box) -> ValidationWindow:
        each()
        return ValidationWindow(read_mirrored(slide.read, box, slide.shape), slide.labels.read(box))

    if schedule is not None and schedule.whole:
        rng = np.random.default_rng(0)  # without augmentation nothing that matters is drawn from it
        chosen = evenly_spaced(slides, most)
        patches = [draw_slide(slide, schedule.patch, NO_AUGMENTATION, rng) for slide in chosen]
        return [ValidationWindow(patch.pixels, patch.labels) for patch in patches]
    boxes: dict[tuple[int, Box], None] = {}
    for index, slide in enumerate(slides):
        for cell in sorted(slide.cells):
            boxes.setdefault((index, _window_around(tile_box(cell), slide.shape)))
    return [read(slides[index], box) for index, box in evenly_spaced(list(boxes), most)]


def judge(
    predictor: Predictor,
    windows: Sequence[ValidationWindow],
    steps: Sequence[Step] = (),
    each: Callable[[], None] = lambda: None,
) -> Counts:
    """The pooled agreement of a network, after the clean-up `steps`, with the labels of the windows.

    A crf step is left out: it would take longer than the round itself. `each` is called before every window.
    """
    classes = predictor.classes
    total = count(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8), classes)
    for window in windows:
        each()
        mask = cleaned_mask(predictor.probabilities(window.pixels), 0.5, steps)
        total = total + count(window.labels, mask, classes)
    return total


def _window_around(cell: Box, shape: tuple[int, int]) -> Box:
    """The window of at most 512² around a tile, kept on the plane where the plane is large enough."""
    y0 = max(0, min(cell.y0 - (_WINDOW - cell.height) // 2, shape[0] - _WINDOW))
    x0 = max(0, min(cell.x0 - (_WINDOW - cell.width) // 2, shape[1] - _WINDOW))
    return Box(y0, x0, min(y0 + _WINDOW, shape[0]), min(x0 + _WINDOW, shape[1]))
