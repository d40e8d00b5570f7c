"""The network: a U-Net with named options, described by the recipe's `Architecture`."""

import random
from contextlib import nullcontext
from typing import Any

import keras
from keras import layers, ops

from unet_studio.errors import RecipeError
from unet_studio.unet.device import fastest_precision
from unet_studio.unet.recipes import Architecture, Recipe


def build_unet(architecture: Architecture, *, channels: int, classes: int) -> keras.Model:
    """A U-Net of any input side that its architecture `fits`.

    Without normalisation layers a training step on a CPU takes a half to a third of the time; He initialisation and
    clipped gradients make up for them.

    Args:
        architecture: the named options.
        channels: input channels.
        classes: classes with background; one logit for each. With a sigmoid output the background's logit is always
            0 and the other is the sigmoid's, so that a softmax over both is the sigmoid; more than two classes raise
            `RecipeError`.

    Input shape: (batch, h, w, channels), float32. Output shape: (batch, h - 2m, w - 2m, classes), logits, with the
    architecture's margin m, which is 0 with padding.

    References: Ronneberger, Fischer & Brox 2015, arXiv:1505.04597; initialisation: He et al. 2015, arXiv:1502.01852;
    residual blocks: He et al. 2016, arXiv:1512.03385, figure 2; dilated (atrous) convolutions: Yu & Koltun 2016,
    arXiv:1511.07122; batch normalisation: Ioffe & Szegedy 2015, arXiv:1502.03167.
    """
    if architecture.output == "sigmoid" and classes != 2:
        raise RecipeError(
            f"The recipe's sigmoid output tells one class from background, but there are {classes - 1} classes. "
            "Choose a recipe with architecture.output = 'softmax'."
        )
    inputs = keras.Input((None, None, channels), name="pixels")
    value = inputs
    skips = []
    for level in range(architecture.depth):
        value = _double_convolution(value, architecture, level)
        value = _drop(value, architecture, level)
        skips.append(value)
        value = layers.MaxPooling2D(2, name=f"down{level}")(value)
    value = _double_convolution(value, architecture, architecture.depth)
    for index, rate in enumerate(architecture.atrous):
        value = _convolution(value, architecture, architecture.depth, f"atrous{index}", dilation=rate)
    value = _drop(value, architecture, architecture.depth)
    for level in reversed(range(architecture.depth)):
        value = _upsample(value, architecture, level)
        value = layers.Concatenate(name=f"skip{level}")([_crop(skips[level], architecture.crop(level)), value])
        value = _double_convolution(value, architecture, level, side="up")
    logits = layers.Conv2D(
        1 if architecture.output == "sigmoid" else classes, architecture.last_kernel,
        padding=architecture.padding, dtype="float32", name="logits",
    )(value)  # fmt: skip
    if architecture.output == "sigmoid":
        logits = ops.pad(logits, [[0, 0], [0, 0], [0, 0], [1, 0]])
    return keras.Model(inputs, logits, name="unet")


def build_or_continue(recipe: Recipe, start: keras.Model | None, *, channels: int, classes: int) -> keras.Model:
    """A network to train: a fresh copy of `start` (warm start), or the recipe's, randomly initialised."""
    keras.utils.set_random_seed(recipe.seed)
    with fastest_precision() if recipe.precision == "fastest" else nullcontext():
        network = build_unet(recipe.architecture, channels=channels, classes=classes)
    if start is not None:
        network.set_weights(start.get_weights())
    return network


def _double_convolution(value: Any, architecture: Architecture, level: int, side: str = "down") -> Any:
    if not architecture.residual:
        for part in "ab":
            value = _convolution(value, architecture, level, f"{side}{level}{part}")
        return value
    shortcut = layers.Conv2D(
        architecture.width << level, 1, kernel_initializer="he_normal", name=f"{side}{level}_shortcut"
    )(value)
    value = _convolution(value, architecture, level, f"{side}{level}a")
    value = _convolution(value, architecture, level, f"{side}{level}b", activated=False)
    shortcut = _crop(shortcut, 2 if architecture.padding == "valid" else 0)
    value = layers.Add(name=f"{side}{level}_sum")([shortcut, value])
    return layers.Activation(architecture.activation, name=f"{side}{level}b_activation")(value)


def _convolution(
    value: Any, architecture: Architecture, level: int, name: str, *, dilation: int = 1, activated: bool = True
) -> Any:
    normalised = architecture.normalisation == "batch"
    value = layers.Conv2D(
        architecture.width << level, 3, padding=architecture.padding, dilation_rate=dilation, use_bias=not normalised,
        kernel_initializer="he_normal", name=f"{name}_convolution",
    )(value)  # fmt: skip
    if normalised:
        value = layers.BatchNormalization(name=f"{name}_normalisation")(value)
    return layers.Activation(architecture.activation, name=f"{name}_activation")(value) if activated else value


def _drop(value: Any, architecture: Architecture, level: int) -> Any:
    """The dropout after a block of the contracting path, where the recipe wants one."""
    first = {"bottom": architecture.depth, "last-two": architecture.depth - 1, "every": 0}[architecture.dropout_at]
    if not architecture.dropout or level < first:
        return value
    name = "dropout" if level == architecture.depth else f"dropout{level}"
    seed = random.randrange(1, 1 << 30)  # as Keras draws it; where none is given, PyTorch's dropout can't be resumed
    return layers.Dropout(architecture.dropout, seed=seed, name=name)(value)


def _crop(value: Any, border: int) -> Any:
    return layers.Cropping2D(border)(value) if border else value


def _upsample(value: Any, architecture: Architecture, level: int) -> Any:
    width = architecture.width << level
    if architecture.upsampling == "nearest":
        value = layers.UpSampling2D(2, name=f"up{level}_nearest")(value)
        return layers.Conv2D(width, 2, padding="same", kernel_initializer="he_normal", name=f"up{level}")(value)
    return layers.Conv2DTranspose(width, 2, strides=2, kernel_initializer="he_normal", name=f"up{level}")(value)
