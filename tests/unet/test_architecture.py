"""The network: its shapes, and what its options do."""

import keras
import numpy as np
import pytest

from unet_studio.unet.architecture import build_unet
from unet_studio.unet.recipes import Architecture

SMALL = {"depth": 2, "width": 2}


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(**SMALL),
        Architecture(**SMALL, upsampling="nearest"),
        Architecture(**SMALL, normalisation="batch", dropout=0.5),
    ],
    ids=["plain", "nearest", "normalised"],
)
def test_every_pixel_gets_one_logit_for_each_class(architecture: Architecture) -> None:
    network = build_unet(architecture, channels=3, classes=4)
    assert network(np.zeros((2, 8, 12, 3), np.float32)).shape == (2, 8, 12, 4)


def test_each_halving_doubles_the_width() -> None:
    network = build_unet(Architecture(depth=3, width=5), channels=1, classes=2)
    widths = [network.get_layer(f"down{level}b_convolution").filters for level in range(4)]
    assert widths == [5, 10, 20, 40]
    assert sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in network.layers) == 3


def test_the_standard_network_is_small_enough_for_a_laptop() -> None:
    assert build_unet(Architecture(), channels=3, classes=3).count_params() <= 2_500_000


def test_a_pixel_sees_across_the_skips_and_the_bottom() -> None:
    keras.utils.set_random_seed(0)
    network = build_unet(Architecture(depth=2, width=8), channels=1, classes=2)
    rng = np.random.default_rng(0)
    plane = rng.random((1, 32, 32, 1), dtype=np.float32)
    changed = plane.copy()
    changed[0, 16, 16] += 1
    difference = np.abs(np.asarray(network(changed)) - np.asarray(network(plane))).sum(axis=(0, 3))
    assert difference[16, 16] > 0
    assert np.count_nonzero(difference.any(axis=1)) > 5, "only neighbours changed, so nothing went through the bottom"


@pytest.mark.parametrize(("training", "same"), [(False, True), (True, False)])
def test_dropout_acts_in_training_only(training: bool, same: bool) -> None:
    network = build_unet(Architecture(**SMALL, dropout=0.5), channels=1, classes=2)
    plane = np.random.default_rng(0).random((1, 16, 16, 1), dtype=np.float32)
    first, second = (np.asarray(network(plane, training=training)) for _ in range(2))
    assert np.array_equal(first, second) == same
