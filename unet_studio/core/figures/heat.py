"""Heat: values 0…1 of pixels as colours that are told apart on dark and light slides, also by the colour-blind."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Heat(StrEnum):
    """What is shown as heat over a slide."""

    UNCERTAINTY = "uncertainty"
    """How undecided the proposal is."""
    DISAGREEMENT = "disagreement"
    """How sure the proposal is of something else than the labels, where there are any."""


_LEAST = 0.04
"""Below, nothing is shown: what is certain leaves the slide as it is."""
_STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_COLOURS = ((84, 2, 163), (139, 10, 165), (204, 71, 120), (244, 136, 73), (240, 249, 33))
"""Red, green, blue: the map 'plasma' of Smith & van der Walt (2015), whose lightness grows evenly, from 0.2 on."""
_CLEAR, _OPAQUE = 0.25, 0.9


def heat_colours(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blue, green, red, alpha (premultiplied), (h, w, 4) uint8, of values (h, w), 0…255 for 0…1.

    From violet, half transparent, to yellow; clear where the value is next to nothing.
    """
    return _TABLE[values]


def _make_table() -> NDArray[np.uint8]:
    values = np.linspace(0, 1, 256)
    channels = [np.interp(values, _STOPS, [colour[i] for colour in _COLOURS]) for i in (2, 1, 0)]
    alpha = np.interp(values, (0, 1), (_CLEAR, _OPAQUE)) * (values >= _LEAST)
    return np.rint(np.stack([*(channel * alpha for channel in channels), 255 * alpha], axis=1)).astype(np.uint8)


_TABLE = _make_table()
