"""The network: its shapes, what its options do, and that the bundled models stay what they are."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from unet_studio import paths
from unet_studio.core.models.cards import read_card
from unet_studio.errors import RecipeError
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.recipes import Architecture, Recipe, load_recipe

SMALL = {"depth": 2, "width": 2}
STARTERS = sorted(paths.resources().glob("models/*/card.toml"))


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def outcome(network: keras.Model, pixels: NDArray[np.float32], **options: bool) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(network(pixels, **options)))


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
    difference = np.abs(outcome(network, changed) - outcome(network, plane)).sum(axis=(0, 3))
    assert difference[16, 16] > 0
    assert np.count_nonzero(difference.any(axis=1)) > 5, "only neighbours changed, so nothing went through the bottom"


@pytest.mark.parametrize(("training", "same"), [(False, True), (True, False)])
def test_dropout_acts_in_training_only(training: bool, same: bool) -> None:
    network = build_unet(Architecture(**SMALL, dropout=0.5), channels=1, classes=2)
    plane = np.random.default_rng(0).random((1, 16, 16, 1), dtype=np.float32)
    first, second = (outcome(network, plane, training=training) for _ in range(2))
    assert np.array_equal(first, second) == same


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.parent.name)
def test_a_bundled_model_is_the_network_that_its_recipe_builds(file: Path) -> None:
    card = read_card(file.parent)
    stored = keras.saving.load_model(card.weights, compile=False)
    architecture = Recipe.from_dict(card.recipe).architecture
    built = build_unet(architecture, channels=card.normalisation.channels, classes=len(card.classes))
    assert [layer.name for layer in built.layers] == [layer.name for layer in stored.layers]
    built.set_weights(stored.get_weights())
    pixels = noise(1, 32, 48, card.normalisation.channels)
    np.testing.assert_array_equal(outcome(built, pixels), outcome(stored, pixels))


def test_the_starter_models_are_there() -> None:
    assert len(STARTERS) == 3


@pytest.mark.parametrize(
    ("name", "side", "output", "millions"),
    [
        ("tutorial-v1", 572, 386, 31.0),
        ("tutorial-v2", 512, 512, 31.0),
        ("tutorial-deeper", 512, 512, 14.8),
        ("ade20k-128", 128, 128, 31.1),
        ("paper-2015", 572, 388, 31.0),
    ],
)
def test_the_published_networks_have_their_published_size(name: str, side: int, output: int, millions: float) -> None:
    recipe = load_recipe(name)
    classes = 151 if name == "ade20k-128" else 2
    network = build_unet(recipe.architecture, channels=1, classes=classes)
    assert recipe.schedule.patch == side
    assert network.compute_output_shape((1, side, side, 1)) == (1, output, output, classes)
    assert network.count_params() / 1e6 == pytest.approx(millions, abs=0.06)


@given(
    depth=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
    upsampling=st.sampled_from(["transposed", "nearest"]),
    residual=st.booleans(),
    atrous=st.sampled_from([(), (2,), (1, 3)]),
    last_kernel=st.sampled_from([1, 3]),
    wanted=st.integers(1, 40),
)
@settings(max_examples=25, deadline=None)
def test_the_output_is_the_input_without_the_margin(wanted: int, **options: Any) -> None:
    architecture = Architecture(width=1, **options)
    side = architecture.padded_side(wanted)
    assert architecture.fits(side)
    assert architecture.largest_side(side + 1) == side
    output = build_unet(architecture, channels=1, classes=3)(noise(1, side, side, 1))
    assert output.shape == (1, side - 2 * architecture.margin, side - 2 * architecture.margin, 3)
    assert wanted <= output.shape[1] < wanted + (1 << architecture.depth)


@pytest.mark.parametrize("options", [{}, {"residual": True}, {"atrous": (1, 2)}, {"last_kernel": 3}], ids=str)
def test_without_padding_each_pixel_comes_out_as_with_it_far_from_the_border(options: dict[str, Any]) -> None:
    padded = build_unet(Architecture(depth=2, width=4, **options), channels=1, classes=2)
    architecture = Architecture(depth=2, width=4, padding="valid", **options)
    unpadded = build_unet(architecture, channels=1, classes=2)
    unpadded.set_weights(padded.get_weights())
    pixels = noise(1, 160, 160, 1)
    start, side, margin = 42, architecture.padded_side(16), architecture.margin  # 2 more than a multiple of 4
    stop = start + side
    expected = outcome(padded, pixels)[:, start + margin : stop - margin, start + margin : stop - margin]
    np.testing.assert_allclose(outcome(unpadded, pixels[:, start:stop, start:stop]), expected, atol=1e-5)


def test_a_sigmoid_is_the_softmax_of_its_logit_and_zero() -> None:
    network = build_unet(Architecture(**SMALL, output="sigmoid"), channels=1, classes=2)
    logits = outcome(network, noise(1, 8, 8, 1))
    assert np.all(logits[..., 0] == 0)
    np.testing.assert_allclose(special.softmax(logits, axis=-1)[..., 1], special.expit(logits[..., 1]), rtol=1e-5)
    assert network.get_layer("logits").filters == 1


def test_a_sigmoid_cannot_tell_three_classes_apart() -> None:
    with pytest.raises(RecipeError, match=r"tells one class from background, but there are 2 classes.*softmax"):
        build_unet(Architecture(output="sigmoid"), channels=1, classes=3)


@pytest.mark.parametrize(
    ("where", "dropped"),
    [("bottom", ["dropout"]), ("last-two", ["dropout1", "dropout"]), ("every", ["dropout0", "dropout1", "dropout"])],
)
def test_dropout_comes_after_the_blocks_that_are_named(where: str, dropped: list[str]) -> None:
    network = build_unet(Architecture(**SMALL, dropout=0.5, dropout_at=where), channels=1, classes=2)
    assert [layer.name for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == dropped


def test_a_residual_network_with_empty_convolutions_hands_its_input_on() -> None:
    network = build_unet(Architecture(depth=1, width=1, residual=True), channels=1, classes=2)
    for name in ("down0a", "down0b"):
        network.get_layer(f"{name}_convolution").set_weights([np.zeros((3, 3, 1, 1)), np.zeros(1)])
    network.get_layer("down0_shortcut").set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    first_block = keras.Model(network.input, network.get_layer("down0b_activation").output)
    pixels = noise(1, 8, 8, 1)
    np.testing.assert_array_equal(outcome(first_block, pixels), pixels)


def test_dilated_convolutions_let_a_pixel_see_farther() -> None:
    def seen(**options: Any) -> int:
        keras.utils.set_random_seed(0)
        network = build_unet(Architecture(depth=1, width=4, **options), channels=1, classes=2)
        changed = noise(1, 64, 64, 1)
        changed[0, 32, 32] += 1
        difference = outcome(network, changed) - outcome(network, noise(1, 64, 64, 1))
        return int(np.count_nonzero(np.abs(difference).sum(axis=(0, 1, 3)) > 1e-7))

    assert seen(atrous=(2, 4)) >= seen() + 2 * 2 * (2 + 4) - 2


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu"])
def test_every_activation_builds_and_survives_saving(activation: str, tmp_path: Path) -> None:
    architecture = Architecture(**SMALL, activation=activation, padding="valid", output="sigmoid", residual=True)
    network = build_unet(architecture, channels=1, classes=2)
    side = architecture.padded_side(8)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras", compile=False)
    np.testing.assert_array_equal(outcome(again, noise(1, side, side, 1)), outcome(network, noise(1, side, side, 1)))
