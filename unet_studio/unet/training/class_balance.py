"""After a training on corrections: how often each class is found goes back to what the teacher says of it.

Corrections are no fair sample. Who only takes away labels background alone, and the network learns that all is a little
less likely to be an object, also where nobody objected. There the teacher says how often a thing is what.
"""

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from unet_studio.core.tiles import Box, tile_box
from unet_studio.unet.prediction import TILE, Predictor
from unet_studio.unet.recipes import Architecture
from unet_studio.unet.training.patches import LabelledSlide

_TILES = 12
"""So many tiles, spread over the slides, are enough to fit one number for each class."""
_PIXELS = 1 << 20


def restore_balance(
    network: keras.Model,
    architecture: Architecture,
    slides: Sequence[LabelledSlide],
    seed: int,
    *,
    each: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    """Shift the logit of each class so that, where it is taught, the network finds as much of it as the teacher.

    The shifts (classes,), 0 for background, are those at which the teacher's probabilities are likeliest, and become
    part of the last layer's bias. They are all 0 where nothing is taught. `each` is called for each tile that is looked
    at. References: a classifier's outputs under other class frequencies, Saerens, Latinne & Decaestecker 2002, Neural
    Computation 14, equation 2.4; fitted biases, Alexandari, Kundaje & Shrikumar 2020, arXiv:1901.06852, section 3.
    """
    boxes = list(_spread(slides, seed))
    if not boxes:
        return np.zeros(int(network.output_shape[-1]))
    logits, said = _taught_pixels(Predictor(network, architecture), boxes, each)
    shifts = likeliest_shifts(logits, said)
    bias = network.get_layer("logits").bias
    # A sigmoid output has one channel, for the class beside background.
    bias.assign_add(ops.convert_to_tensor(shifts[-bias.shape[0] :].astype(np.float32)))
    return shifts


def likeliest_shifts(logits: NDArray[np.float32], said: NDArray[np.float32]) -> NDArray[np.float64]:
    """The shifts (classes,), 0 for the first, at which logits (n, classes) make probabilities (n, classes) likeliest.

    The cross-entropy is convex in them; at its minimum the mean probability of each class is that of `said`.
    """
    from scipy.optimize import minimize  # takes half a second to load, and this comes at the end of a training

    classes = logits.shape[1]
    if not len(logits):
        return np.zeros(classes)

    def cross_entropy(shifts: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        values = logits + np.concatenate([[0.0], shifts])
        values -= values.max(axis=1, keepdims=True)
        odds = np.exp(values)
        sums = odds.sum(axis=1, keepdims=True)
        value = float(np.mean(np.log(sums[:, 0]) - (said * values).sum(axis=1)))
        return value, (odds / sums - said).mean(axis=0)[1:]

    found = minimize(cross_entropy, np.zeros(classes - 1), jac=True, method="L-BFGS-B")
    return np.concatenate([[0.0], found.x])


def _taught_pixels(
    predictor: Predictor, boxes: Sequence[tuple[LabelledSlide, Box]], each: Callable[[], None]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits and the teacher's probabilities (n, classes) of pixels that are taught."""
    logits, said = ([np.zeros((0, predictor.classes), np.float32)] for _ in range(2))
    for slide, box in boxes:
        each()
        assert slide.taught is not None
        probabilities, taught = slide.taught.targets(box, slide.labels.read(box))
        chosen = np.flatnonzero(taught)
        chosen = chosen[:: -(-len(chosen) * len(boxes) // _PIXELS) or 1]
        logits.append(predictor.logits(slide.read(box)).reshape(-1, predictor.classes)[chosen])
        of_classes = probabilities.reshape(-1, predictor.classes - 1)[chosen] / np.float32(255)
        said.append(np.column_stack([np.maximum(1 - of_classes.sum(axis=1), 0), of_classes]))
    return np.concatenate(logits), np.concatenate(said)


def _spread(slides: Sequence[LabelledSlide], seed: int) -> Iterator[tuple[LabelledSlide, Box]]:
    """Tiles of as many slides as there can be, of each one before any gets another."""
    places = [
        (turn, slide, cell)
        for slide in slides
        if slide.taught is not None
        for turn, cell in enumerate(slide.taught.places())
    ]
    order = np.random.default_rng(seed).permutation(len(places))
    for _, slide, cell in sorted((places[i] for i in order), key=lambda place: place[0])[:_TILES]:
        yield slide, tile_box(cell, TILE).intersect(Box.of_shape(slide.shape))
