"""The dense CRF against the sum over all pairs of pixels, and the promises that hold for every plane."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.cleaning.dense_crf import dense_crf, halo
from unet_studio.core.scoring.scores import count
from unet_studio.core.tiles import Box
from unet_studio.errors import RecipeError

Floats = NDArray[np.floating]


def pairwise_crf(
    probabilities: NDArray[np.uint8],
    pixels: Floats,
    *,
    sigma_space: float,
    sigma_colour: float,
    weight: float,
    smoothness: float,
) -> Floats:
    """Five iterations of equation 3 of the paper as it stands, both kernels as matrices; probabilities are 0…255."""
    height, width, channels = probabilities.shape
    place = np.indices((height, width)).reshape(2, -1).T
    alike = kernel(np.hstack((place / sigma_space, pixels.reshape(len(place), -1) / sigma_colour)))
    near = kernel(place)
    classes = probabilities.reshape(-1, channels) / 255
    evidence = np.log(np.maximum(np.column_stack((1 - classes.sum(axis=1), classes)), 1e-4))
    beliefs = np.exp(evidence)
    for _ in range(5):
        energy = evidence + weight * alike @ beliefs + smoothness * near @ beliefs
        beliefs = np.exp(energy) / np.exp(energy).sum(axis=1, keepdims=True)
    return 255 * beliefs[:, 1:].reshape(probabilities.shape)


def kernel(features: Floats) -> Floats:
    squares = ((features[:, np.newaxis] - features) ** 2).sum(axis=2)
    values = np.exp(-squares / 2)
    scale = 1 / np.sqrt(values.sum(axis=1))
    return scale[:, np.newaxis] * values * scale


def scene(
    side: int, *, noise: float = 15, channels: int = 1, classes: int = 2, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Truth, pixels and probabilities: blobs that differ in brightness, and a proposal that is blurred and unsure."""
    rng = np.random.default_rng(seed)
    fields = ndimage.gaussian_filter(rng.normal(size=(classes, side, side)), (0, 8, 8))
    truth = fields.argmax(axis=0).astype(np.uint8)
    pixels = 60 + 100 * truth[..., np.newaxis] + rng.normal(0, noise, (side, side, channels))
    votes = 2.0 * (truth == np.arange(classes)[:, np.newaxis, np.newaxis])
    smooth_noise = ndimage.gaussian_filter(rng.normal(0, 10, votes.shape), (0, 1.5, 1.5))
    scores = np.exp(ndimage.gaussian_filter(votes + smooth_noise, (0, 2, 2)))
    probabilities = np.moveaxis(255 * scores / scores.sum(axis=0), 0, 2)[..., 1:]
    return truth, pixels.astype(np.float32), probabilities.astype(np.uint8)


def random_plane(height: int, width: int, channels: int = 1, classes: int = 1) -> tuple[Floats, NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    probabilities = rng.integers(0, 256 // classes, (height, width, classes), dtype=np.uint8)
    return rng.normal(0, 40, (height, width, channels)), probabilities


def to_mask(probabilities: Floats) -> NDArray[np.uint8]:
    everything = np.dstack((255 - probabilities.astype(float).sum(axis=2), probabilities))
    return everything.argmax(axis=2).astype(np.uint8)


# Against all pairs of pixels


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("channels", "noise"), [(1, 5), (2, 15), (3, 5), (3, 25)])
@pytest.mark.parametrize(("sigma_space", "sigma_colour"), [(3, 60), (8, 30), (20, 40)])
def test_the_grid_agrees_with_all_pairs_of_pixels(
    sigma_space: float, sigma_colour: float, channels: int, noise: float, classes: int
) -> None:
    _, pixels, probabilities = scene(32, noise=noise, channels=channels, classes=classes)
    numbers = {"sigma_space": sigma_space, "sigma_colour": sigma_colour, "weight": 2.0, "smoothness": 1.0}
    found = dense_crf(probabilities, pixels, **numbers)
    exact = pairwise_crf(probabilities, pixels, **numbers)
    change = np.abs(exact - probabilities).mean()
    assert change > 15
    assert np.abs(found - exact).mean() < 0.05 * change
    assert (to_mask(found) != to_mask(exact)).mean() < 0.01


@pytest.mark.parametrize("shape", [(20, 30), (1, 40), (40, 1), (1, 1)])
def test_the_kernel_of_place_alone_is_exact(shape: tuple[int, int]) -> None:
    pixels, probabilities = random_plane(*shape, classes=2)
    numbers = {"sigma_space": 5, "sigma_colour": 20, "weight": 0, "smoothness": 2.0}
    exact = pairwise_crf(probabilities, pixels, **numbers)
    np.testing.assert_allclose(dense_crf(probabilities, pixels, **numbers), exact, atol=0.6)


@pytest.mark.parametrize("shape", [(30, 30), (1, 60), (60, 1)])
def test_where_all_is_of_one_colour_only_place_counts(shape: tuple[int, int]) -> None:
    _, probabilities = random_plane(*shape)
    pixels = np.full((*shape, 3), 7.5)
    numbers = {"sigma_space": 6, "sigma_colour": 20, "weight": 2.0, "smoothness": 0}
    exact = pairwise_crf(probabilities, pixels, **numbers)
    assert np.abs(dense_crf(probabilities, pixels, **numbers) - exact).mean() < 2


# What it is for


@pytest.mark.parametrize(("channels", "noise"), [(1, 15), (1, 30), (3, 20)])
def test_an_unsure_proposal_takes_the_outlines_of_the_slide(channels: int, noise: float) -> None:
    truth, pixels, probabilities = scene(96, noise=noise, channels=channels)
    found = dense_crf(probabilities, pixels, sigma_space=10, sigma_colour=30, weight=3)
    before, after = (count(truth, to_mask(values), 2).dice(1) for values in (probabilities, found))
    assert before < 0.9
    assert after > 0.96


def test_several_classes_take_the_outlines_of_the_slide() -> None:
    truth, pixels, probabilities = scene(96, classes=4)
    found = dense_crf(probabilities, pixels, sigma_space=10, sigma_colour=30, weight=3)
    before, after = (count(truth, to_mask(values), 4).mean_dice for values in (probabilities, found))
    assert after > before + 0.1


def test_a_speck_gives_in_to_its_likes_and_an_object_of_another_colour_does_not() -> None:
    pixels = np.zeros((40, 40, 1), np.uint8)
    pixels[10:14, 10:14] = 100
    probabilities = np.full((40, 40, 1), 10, np.uint8)
    probabilities[10:14, 10:14] = probabilities[30, 30] = 200
    found = dense_crf(probabilities, pixels, sigma_space=8, sigma_colour=10, weight=4, smoothness=0)[..., 0]
    assert found[30, 30] < 50
    assert (found[10:14, 10:14] > 200).all()


def test_without_weights_or_iterations_nothing_changes() -> None:
    pixels, probabilities = random_plane(20, 20, classes=3)
    for numbers in ({"weight": 0, "smoothness": 0}, {"weight": 5, "iterations": 0}):
        found = dense_crf(probabilities, pixels, sigma_space=5, sigma_colour=20, **numbers)
        np.testing.assert_array_equal(found, probabilities)


# Slides of every kind


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_pixel_without_a_value_is_like_no_other(odd: float) -> None:
    pixels, probabilities = random_plane(20, 20, channels=3)
    pixels[5:9, 5:9, 1] = odd
    numbers = {"sigma_space": 4, "sigma_colour": 30, "weight": 5, "smoothness": 0}
    found = dense_crf(probabilities, pixels, **numbers)
    np.testing.assert_array_equal(found[5:9, 5:9], probabilities[5:9, 5:9])
    opposite = probabilities.copy()
    opposite[5:9, 5:9] = 255 - opposite[5:9, 5:9]
    has_value = np.isfinite(pixels).all(axis=2)
    np.testing.assert_array_equal(dense_crf(opposite, pixels, **numbers)[has_value], found[has_value])


def test_pixels_without_a_value_are_smoothed_like_others() -> None:
    pixels, probabilities = random_plane(20, 20)
    numbers = {"sigma_space": 4, "sigma_colour": 30}
    plain = dense_crf(probabilities, pixels, weight=0, **numbers)
    np.testing.assert_array_equal(dense_crf(probabilities, np.full_like(pixels, np.nan), weight=5, **numbers), plain)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_pixels_may_be_of_any_type_and_scale(dtype: type[np.generic]) -> None:
    _, pixels, probabilities = scene(40)
    whole = np.clip(pixels, 0, 255).astype(np.uint8)
    numbers = {"sigma_space": 5, "weight": 3}
    expected = dense_crf(probabilities, whole, sigma_colour=20, **numbers)
    np.testing.assert_array_equal(dense_crf(probabilities, whole.astype(dtype), sigma_colour=20, **numbers), expected)
    np.testing.assert_array_equal(dense_crf(probabilities, whole / 256, sigma_colour=20 / 256, **numbers), expected)


def test_what_it_is_given_stays_as_it_is() -> None:
    pixels, probabilities = random_plane(20, 20)
    before = pixels.copy(), probabilities.copy()
    dense_crf(probabilities, pixels, sigma_space=5, sigma_colour=20, weight=3)
    np.testing.assert_array_equal(pixels, before[0])
    np.testing.assert_array_equal(probabilities, before[1])


planes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4))


@given(planes.flatmap(lambda shape: hnp.arrays(np.float32, shape, elements=st.floats(-500, 500, width=32))), st.data())
def test_any_plane_gets_probabilities_of_its_shape(pixels: NDArray[np.float32], data: st.DataObject) -> None:
    classes = data.draw(st.integers(1, 4))
    shape = (*pixels.shape[:2], classes)
    probabilities = data.draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 255 // classes)))
    found = dense_crf(probabilities, pixels, sigma_space=3, sigma_colour=20, weight=4)
    assert found.shape == shape
    assert found.dtype == np.uint8
    assert found.sum(axis=2).max() <= 255 + (classes + 1) // 2  # each is rounded


@given(hnp.arrays(np.uint8, (9, 7, 1)), st.permutations(range(3)))
def test_the_order_of_the_classes_does_not_matter(pixels: NDArray[np.uint8], order: list[int]) -> None:
    _, probabilities = random_plane(9, 7, classes=3)
    numbers = {"sigma_space": 3, "sigma_colour": 20, "weight": 2}
    found = dense_crf(probabilities, pixels, **numbers).astype(int)
    np.testing.assert_allclose(dense_crf(probabilities[..., order], pixels, **numbers), found[..., order], atol=1)


def test_a_proposal_whose_rounding_adds_up_to_more_than_one_is_read_as_one() -> None:
    probabilities = np.full((6, 6, 2), 128, np.uint8)
    found = dense_crf(probabilities, np.zeros((6, 6, 1)), sigma_space=3, sigma_colour=20, weight=0, smoothness=0)
    assert (found == 127).all() or (found == 128).all()


# Blocks


@pytest.mark.parametrize("sigma_space", [4, 8])
def test_a_block_with_its_surroundings_comes_out_as_on_the_whole_plane(sigma_space: int) -> None:
    _, pixels, probabilities = scene(200, noise=20, channels=2)
    numbers = {"sigma_space": sigma_space, "sigma_colour": 30, "weight": 4}
    whole = dense_crf(probabilities, pixels, **numbers).astype(int)
    block = Box(83, 77, 120, 131)
    around = block.grow(halo(sigma_space)).intersect(Box.of_shape(whole.shape))
    corner = (around.y0, around.x0)
    part = dense_crf(probabilities[around.slices], pixels[around.slices], corner=corner, **numbers)
    np.testing.assert_allclose(part[block.within(around)], whole[block.slices], atol=3)


# Bad input


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"sigma_space": 0.5}, "needs a distance of 1 pixel or more, not 0.5"),
        ({"sigma_space": float("inf")}, "needs a distance of 1 pixel or more, not inf"),
        ({"sigma_colour": 0}, "needs a difference in colour above 0, not 0"),
        ({"sigma_colour": float("nan")}, "needs a difference in colour above 0, not nan"),
        ({"weight": -1}, "needs a weight of 0 or more, not -1"),
        ({"smoothness": -0.5}, "needs a smoothness of 0 or more, not -0.5"),
        ({"iterations": -1}, "needs a number of iterations of 0 or more, not -1"),
    ],
)
def test_a_number_out_of_range_is_named(numbers: dict[str, float], message: str) -> None:
    pixels, probabilities = random_plane(4, 4)
    with pytest.raises(RecipeError, match=message):
        dense_crf(probabilities, pixels, **{"sigma_space": 5, "sigma_colour": 20, "weight": 3, **numbers})


@pytest.mark.parametrize("brightest", [21000, 1e38])
def test_a_slide_whose_values_lie_too_far_apart_for_the_grid_is_refused(brightest: float) -> None:
    pixels = np.zeros((4, 4, 3), np.float32)
    pixels[2, 2] = brightest
    _, probabilities = random_plane(4, 4)
    with pytest.raises(RecipeError, match=r"difference in colour is too small .* Choose a larger one\."):
        dense_crf(probabilities, pixels, sigma_space=5, sigma_colour=0.01, weight=3)
