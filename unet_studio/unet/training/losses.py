"""The loss: cross-entropy and soft Dice over the labelled pixels and, where there is a teacher, over what it says."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.unet.recipes import Loss


def make_loss(
    weights: Loss, classes: int, *, class_weights: Sequence[float] | None = None
) -> Callable[[Any, Any], Any]:
    """A Keras loss of labels (batch, h, w), class indices or 255, and logits (batch, h, w, classes).

    Both parts are divided by the number of labelled pixels of the batch, so that without a teacher a few strokes weigh
    as much as a full plane. The soft Dice is the mean over the classes (background left out) that occur in the batch's
    labels; reference: Milletari et al. 2016, arXiv:1606.04797, equation for D, with p instead of p².

    In the cross-entropy a pixel weighs what `class_weights` says of its class (1 where there are none) plus, where
    the recipe has border weights, its border weight; the labels are then (batch, h, w, 2) float32: class and border
    weight. Reference: Ronneberger et al. 2015, arXiv:1505.04597, equations 1 and 2.

    Where the recipe has a teacher the labels are (batch, h, w, 2 + classes) float32: class, border weight, whether the
    pixel is taught (0 or 1), and the teacher's probabilities of the classes but background. What it says counts like a
    label, with soft classes (Li & Hoiem 2016, arXiv:1606.09282, equation 2 at temperature 1) and the recipe's weight
    for each pixel: both are parts of one mean, so that a few strokes can't outvote all that is right around them.
    """
    of_class = np.asarray(class_weights or [1.0] * classes, dtype=np.float32)

    def loss(labels: Any, logits: Any) -> Any:
        border = taught = said = 0.0
        if weights.teacher:
            taught, said = weights.teacher * labels[..., 2], _with_background(labels[..., 3:])
        if weights.border_weight or weights.teacher:
            labels, border = labels[..., 0], labels[..., 1]
        labels = ops.cast(labels, "int32")
        labelled = ops.cast(ops.not_equal(labels, UNLABELLED), "float32")
        truth = ops.one_hot(ops.where(ops.equal(labels, UNLABELLED), 0, labels), classes) * labelled[..., None]
        counted = labelled + taught
        weight = ops.sum(truth * ops.convert_to_tensor(of_class), axis=-1) + border + taught
        if weights.teacher:
            truth = ops.where(labelled[..., None] > 0, truth, said)
        value = ops.zeros(())
        if weights.cross_entropy:
            entropy = -ops.sum(truth * ops.log_softmax(logits, axis=-1), axis=-1)
            value = value + weights.cross_entropy * ops.sum(weight * entropy) / ops.maximum(ops.sum(counted), 1.0)
        if weights.dice:
            counted = counted[..., None]
            value = value + weights.dice * _soft_dice_loss(truth * counted, ops.softmax(logits, axis=-1) * counted)
        return value

    return loss


def balance_classes(pixels: NDArray[np.int64], cap: float) -> list[float]:
    """The weight of each class, from how many pixels of it are labelled.

    Weights go with the inverse root of the frequency, so that a rare class is learned without outweighing the others,
    but none is more than `cap` times that of the most frequent class. Their mean over the labelled pixels is 1. A class
    that nobody labelled weighs 1.
    """
    weights = np.ones(len(pixels))
    known = pixels > 0
    if known.any():
        weights[known] = np.minimum(np.sqrt(pixels.max() / pixels[known]), cap)
        weights[known] *= pixels.sum() / np.sum(pixels * weights)
    return [float(weight) for weight in weights]


def _with_background(foreground: Any) -> Any:
    """Probabilities (..., classes) of those (..., classes - 1) of all classes but background."""
    return ops.concatenate([ops.maximum(1.0 - ops.sum(foreground, axis=-1, keepdims=True), 0.0), foreground], axis=-1)


def _soft_dice_loss(truth: Any, probability: Any) -> Any:
    common = ops.sum(truth * probability, axis=(0, 1, 2))[1:]
    true_size = ops.sum(truth, axis=(0, 1, 2))[1:]
    size = ops.sum(probability, axis=(0, 1, 2))[1:]
    dice = (2.0 * common + 1.0) / (true_size + size + 1.0)
    present = ops.cast(true_size > 0, "float32")
    return ops.sum(present * (1.0 - dice)) / ops.maximum(ops.sum(present), 1.0)
