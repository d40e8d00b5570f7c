"""Prediction for models that were trained on whole slides, resized to one size: planes are resized likewise."""

from collections.abc import Callable, Iterator

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.models.cards import ModelCard
from unet_studio.core.tiles import Box
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture, Recipe
from unet_studio.unet.tiling import Read


class WholeSlidePredictor(Predictor):
    """A predictor that resizes every plane to `side` × `side` pixels and its probabilities back, both linearly.

    The plane is read whole, as it was in training, so this is for small ones.
    """

    def __init__(
        self, network: keras.Model, architecture: Architecture, side: int, *, flips: bool, temperature: float
    ) -> None:
        super().__init__(network, architecture, flips=flips, temperature=temperature)
        self._seen_side = side

    def strips(
        self, read: Read, shape: tuple[int, int], *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """As of `Predictor`, but the plane comes as one strip."""
        yield 0, self._resized(read, shape, progress)

    def outwards(
        self, read: Read, shape: tuple[int, int], middle: Box, *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[Box, NDArray[np.uint8]]]:
        """As of `Predictor`, but the plane comes as one piece."""
        yield Box.of_shape(shape), self._resized(read, shape, progress)

    def region(
        self, read: Read, shape: tuple[int, int], box: Box, *, progress: Callable[[float], None] = lambda _: None
    ) -> NDArray[np.uint8]:
        """As of `Predictor`, but all of the plane is read and seen."""
        return self._resized(read, shape, progress)[box.slices]

    def _resized(self, read: Read, shape: tuple[int, int], progress: Callable[[float], None]) -> NDArray[np.uint8]:
        height, width = shape
        side = (self._seen_side, self._seen_side)
        resized = cv2.resize(read(Box.of_shape(shape)), side, interpolation=cv2.INTER_LINEAR)
        pixels = np.asarray(resized, dtype=np.float32).reshape(*side, -1)  # OpenCV drops a last axis of length 1
        strips = super().strips(lambda box: pixels[box.slices], side, progress=progress)
        small = np.concatenate([strip for _, strip in strips])
        large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(large, dtype=np.uint8).reshape(height, width, -1)


def predictor_of(card: ModelCard, network: keras.Model, *, flips: bool = False) -> Predictor:
    """How a model proposes: it looks at slides as they are, or at whole ones resized, as it was trained to."""
    recipe = Recipe.from_dict(card.recipe)
    if recipe.schedule.whole:
        return WholeSlidePredictor(
            network, recipe.architecture, recipe.schedule.patch, flips=flips, temperature=card.temperature
        )
    return Predictor(network, recipe.architecture, flips=flips, temperature=card.temperature)
