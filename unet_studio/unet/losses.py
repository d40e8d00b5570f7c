"""The loss: cross-entropy and soft Dice over the labelled pixels, and over nothing else."""

from collections.abc import Callable
from typing import Any

from keras import ops

from unet_studio.core.classes import UNLABELLED
from unet_studio.unet.recipes import Loss


def make_loss(weights: Loss, classes: int) -> Callable[[Any, Any], Any]:
    """A Keras loss of labels (batch, h, w), class indices or 255, and logits (batch, h, w, classes).

    Both parts are divided by the number of labelled pixels of the batch, so that a few strokes pull as hard as a
    full plane. The soft Dice is the mean over the classes (background left out) that occur in the batch's labels;
    reference: Milletari et al. 2016, arXiv:1606.04797, equation for D, with p instead of p².
    """

    def loss(labels: Any, logits: Any) -> Any:
        labels = ops.cast(labels, "int32")
        labelled = ops.cast(ops.not_equal(labels, UNLABELLED), "float32")
        total = ops.maximum(ops.sum(labelled), 1.0)
        truth = ops.one_hot(ops.where(ops.equal(labels, UNLABELLED), 0, labels), classes) * labelled[..., None]
        value = ops.zeros(())
        if weights.cross_entropy:
            log_probability = ops.log_softmax(logits, axis=-1)
            value = value - weights.cross_entropy * ops.sum(truth * log_probability) / total
        if weights.dice:
            value = value + weights.dice * _soft_dice_loss(truth, ops.softmax(logits, axis=-1) * labelled[..., None])
        return value

    return loss


def _soft_dice_loss(truth: Any, probability: Any) -> Any:
    common = ops.sum(truth * probability, axis=(0, 1, 2))[1:]
    true_size = ops.sum(truth, axis=(0, 1, 2))[1:]
    size = ops.sum(probability, axis=(0, 1, 2))[1:]
    dice = (2.0 * common + 1.0) / (true_size + size + 1.0)
    present = ops.cast(true_size > 0, "float32")
    return ops.sum(present * (1.0 - dice)) / ops.maximum(ops.sum(present), 1.0)
