"""The network: a U-Net with named options, described by the recipe's `Architecture`."""

from typing import Any

import keras
from keras import layers

from unet_studio.unet.recipes import Architecture


def build_unet(architecture: Architecture, *, channels: int, classes: int) -> keras.Model:
    """A U-Net of any input size that 2**depth divides.

    Without normalisation layers a training step on a CPU takes a half to a third of the time; He initialisation
    and clipped gradients make up for them.

    Args:
        architecture: the named options.
        channels: input channels.
        classes: classes with background; one logit for each.

    Input shape: (batch, h, w, channels), float32. Output shape: (batch, h, w, classes), logits.

    Reference: Ronneberger, Fischer & Brox 2015, arXiv:1505.04597 (padded here, so that sizes stay).
    """
    inputs = keras.Input((None, None, channels), name="pixels")
    value = inputs
    skips = []
    for level in range(architecture.depth):
        value = _double_convolution(value, architecture, level)
        skips.append(value)
        value = layers.MaxPooling2D(2, name=f"down{level}")(value)
    value = _double_convolution(value, architecture, architecture.depth)
    if architecture.dropout:
        value = layers.Dropout(architecture.dropout, name="dropout")(value)
    for level in reversed(range(architecture.depth)):
        value = _upsample(value, architecture, level)
        value = layers.Concatenate(name=f"skip{level}")([skips[level], value])
        value = _double_convolution(value, architecture, level, side="up")
    logits = layers.Conv2D(classes, 1, dtype="float32", name="logits")(value)
    return keras.Model(inputs, logits, name="unet")


def _double_convolution(value: Any, architecture: Architecture, level: int, side: str = "down") -> Any:
    for part in "ab":
        name = f"{side}{level}{part}"
        normalised = architecture.normalisation == "batch"
        value = layers.Conv2D(
            architecture.width << level, 3, padding="same", use_bias=not normalised,
            kernel_initializer="he_normal", name=f"{name}_convolution",
        )(value)  # fmt: skip
        if normalised:
            value = layers.BatchNormalization(name=f"{name}_normalisation")(value)
        value = layers.Activation("relu", name=f"{name}_activation")(value)
    return value


def _upsample(value: Any, architecture: Architecture, level: int) -> Any:
    width = architecture.width << level
    if architecture.upsampling == "nearest":
        value = layers.UpSampling2D(2, name=f"up{level}_nearest")(value)
        return layers.Conv2D(width, 2, padding="same", kernel_initializer="he_normal", name=f"up{level}")(value)
    return layers.Conv2DTranspose(width, 2, strides=2, kernel_initializer="he_normal", name=f"up{level}")(value)
