"""What the tests of the simulated annotator share."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Mask = NDArray[np.uint8]


def _discs(seed: int, side: int = 96, classes: int = 2) -> Mask:
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    for y, x in rng.integers(0, side, (6, 2)):
        value = int(rng.integers(0, classes))
        cv2.circle(mask, (int(x), int(y)), int(rng.integers(5, 16)), value, thickness=-1)
    return mask


@pytest.fixture(scope="session")
def discs() -> Callable[..., Mask]:
    """Draw discs of random classes from a seed: true classes (side, side)."""
    return _discs
