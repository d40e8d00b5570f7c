"""Tiled prediction: any size, no seams, mirrored borders, and memory for one row of tiles."""

import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.tiles import Box
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.prediction import TILE, Predictor
from unet_studio.unet.recipes import Architecture
from unet_studio.unet.tiling import OVERLAP, read_mirrored

CLASSES = 3
WEIGHTS = np.array([-4.0, 1.0, 6.0], np.float32)
BIASES = np.array([1.0, 0.5, -3.0], np.float32)


@pytest.fixture(scope="module")
def pointwise() -> Predictor:
    """A network that looks at one pixel at a time."""
    inputs = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(CLASSES, 1)
    network = keras.Model(inputs, layer(inputs))
    layer.set_weights([WEIGHTS.reshape(1, 1, 1, CLASSES), BIASES])
    return Predictor(network, Architecture(depth=4))


@pytest.fixture(scope="module")
def looking_around() -> Predictor:
    """A network that looks at the sum of 3 × 3 pixels, and sees zeros beyond its tile, as padded networks do."""
    inputs = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(2, 3, padding="same")
    network = keras.Model(inputs, layer(inputs))
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[..., 1] = 0.2
    layer.set_weights([kernel, np.zeros(2, np.float32)])
    return Predictor(network, Architecture(depth=3))


def averaging() -> Predictor:
    """A network of its own for a test that tampers with it."""
    inputs = keras.Input((None, None, 1))
    return Predictor(keras.Model(inputs, keras.layers.Conv2D(2, 3, padding="same")(inputs)), Architecture(depth=3))


def noise(shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((*shape, 1), dtype=np.float32)


def softmax(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    exponentials = np.exp(pixels * WEIGHTS.astype(np.float64) + BIASES)
    shares: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return shares


lengths = st.one_of(st.integers(1, 40), st.sampled_from([TILE - 1, TILE, TILE + 1, 2 * TILE - OVERLAP, 1000, 1337]))


@given(lengths, lengths)
@example(1, 1)
@example(1, 1337)
@example(1337, 1)
@example(TILE + 1, TILE + 1)
@settings(max_examples=12, deadline=None)
def test_tiles_of_any_plane_give_what_the_whole_plane_gives(pointwise: Predictor, height: int, width: int) -> None:
    pixels = noise((height, width))
    probabilities = pointwise.probabilities(pixels)
    assert probabilities.dtype == np.uint8
    assert probabilities.shape == (height, width, CLASSES - 1)
    expected = softmax(pixels)[..., 1:] * 255
    assert np.abs(probabilities - expected).max() <= 0.51


@pytest.mark.parametrize("fitting", [1, 2, 3])
def test_of_as_many_tiles_at_once_as_memory_allows(monkeypatch: pytest.MonkeyPatch, fitting: int) -> None:
    predictor, pixels, seen = averaging(), noise((1000, 1337)), []
    expected = predictor.probabilities(pixels).astype(np.int16)
    predict = predictor._model.predict_on_batch

    def on_a_small_card(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(len(batch))
        if len(batch) > fitting:
            raise MemoryError
        return np.asarray(predict(batch))

    monkeypatch.setattr(predictor._model, "predict_on_batch", on_a_small_card)
    assert np.abs(predictor.probabilities(pixels) - expected).max() <= 1
    assert sum(batch > fitting for batch in seen) <= 2, "it tries again and again"


def test_a_tile_for_which_there_is_no_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = averaging()

    def on_a_tiny_card(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        raise MemoryError

    monkeypatch.setattr(predictor._model, "predict_on_batch", on_a_tiny_card)
    with pytest.raises(MemoryError):
        predictor.probabilities(noise((1000, 1337)))


@given(lengths, lengths)
@settings(max_examples=8, deadline=None)
def test_strips_follow_each_other_and_nothing_off_the_plane_is_read(
    pointwise: Predictor, height: int, width: int
) -> None:
    plane = Box(0, 0, height, width)

    def read(box: Box) -> NDArray[np.float32]:
        assert not box.is_empty
        assert box.intersect(plane) == box
        return np.zeros((*box.shape, 1), np.float32)

    strips = [(y0, len(strip)) for y0, strip in pointwise.strips(read, (height, width))]
    assert strips[0][0] == 0
    assert all(y0 + rows == following for (y0, rows), (following, _) in pairwise(strips))
    assert sum(strips[-1]) == height


def test_what_a_network_gets_wrong_at_the_edge_of_a_tile_does_not_show(looking_around: Predictor) -> None:
    probabilities = looking_around.probabilities(np.ones((600, 1100, 1), np.float32))
    inside = probabilities[1:-1, 1:-1]
    assert inside.min() == inside.max() == round(255 / (1 + np.exp(-1.8)))


def test_beyond_the_border_the_network_sees_the_plane_mirrored(looking_around: Predictor) -> None:
    pixels = noise((13, 11))  # tiles are 16 × 16: the lower and right borders lie inside of them
    padded = np.pad(pixels[..., 0], ((0, 1), (0, 1)), mode="symmetric").astype(np.float64)
    total = sum(padded[y : y + 12, x : x + 10] for y in range(3) for x in range(3))
    expected = 255 / (1 + np.exp(-0.2 * total))
    assert np.abs(looking_around.probabilities(pixels)[1:, 1:, 0] - expected).max() <= 0.51


@pytest.mark.parametrize("box", [Box(1, 1, 4, 5), Box(-2, -3, 4, 5), Box(3, 1, 9, 8), Box(-6, -5, 12, 10)])
def test_a_box_that_leaves_the_plane_is_filled_by_its_mirror_image(box: Box) -> None:
    pixels = noise((6, 5))
    around = np.pad(pixels, ((6, 6), (5, 5), (0, 0)), mode="symmetric")
    expected = around[box.y0 + 6 : box.y1 + 6, box.x0 + 5 : box.x1 + 5]
    np.testing.assert_array_equal(read_mirrored(lambda part: pixels[part.slices], box, (6, 5)), expected)


def test_progress_grows_to_one(pointwise: Predictor) -> None:
    told: list[float] = []
    for _ in pointwise.strips(lambda box: np.zeros((*box.shape, 1), np.float32), (1100, 2600), progress=told.append):
        pass
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) == 3 * 2  # three rows of six tiles, four in a batch


@pytest.fixture
def peak() -> Callable[[Predictor, int], int]:
    """The most bytes held while a plane so many pixels high is proposed and its strips are thrown away."""

    def measure(predictor: Predictor, height: int) -> int:
        tracemalloc.start()
        for _ in predictor.strips(lambda box: np.zeros((*box.shape, 1), np.float32), (height, 128)):
            pass
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    return measure


def test_memory_does_not_grow_with_the_height_of_the_plane(
    pointwise: Predictor, peak: Callable[[Predictor, int], int]
) -> None:
    peak(pointwise, 600)  # the network is compiled
    low, high = peak(pointwise, 2000), peak(pointwise, 8000)
    assert high < 1.2 * low
    assert high < 8000 * 128 * 4, "more than one float a pixel of the whole plane"


middles = st.tuples(st.integers(0, 2000), st.integers(0, 2000)).map(lambda at: Box(*at, at[0] + 1, at[1] + 1))


@given(lengths, st.one_of(lengths, st.just(3100)), middles)
@settings(max_examples=12, deadline=None)
def test_outwards_the_pieces_cover_the_plane_once_and_say_what_the_strips_say(
    looking_around: Predictor, height: int, width: int, middle: Box
) -> None:
    pixels = noise((height, width))
    values = np.zeros((height, width, 1), np.uint8)
    covered = np.zeros((height, width), int)
    for box, piece in looking_around.outwards(lambda part: pixels[part.slices], (height, width), middle):
        assert piece.shape[:2] == box.shape
        values[box.slices] = piece
        covered[box.slices] += 1
    assert (covered == 1).all()
    whole = looking_around.probabilities(pixels)
    assert np.abs(values.astype(int) - whole).max() <= 1  # the same numbers, added up in another order


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 64 pixels, 48 apart, so that there are many on a small plane."""
    monkeypatch.setattr("unet_studio.unet.prediction.TILE", 64)
    monkeypatch.setattr("unet_studio.unet.tiling.OVERLAP", 16)


def nothing(box: Box) -> NDArray[np.float32]:
    return np.zeros((*box.shape, 1), np.float32)


@pytest.mark.usefixtures("small_tiles")
def test_outwards_what_is_near_comes_before_what_is_far(pointwise: Predictor) -> None:
    told: list[float] = []
    middle = Box(500, 120, 520, 150)
    pieces = [box for box, _ in pointwise.outwards(nothing, (800, 620), middle, progress=told.append)]
    far = [max(abs(box.y0 + box.y1 - 1020), abs(box.x0 + box.x1 - 270)) / 2 for box in pieces]
    assert far[0] < 200, "what is looked at is in the first block"
    quarter = len(far) // 4
    assert max(far[:quarter]) < min(far[-quarter:])
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.usefixtures("small_tiles")
def test_outwards_memory_is_for_a_block_and_the_edge_of_what_is_there(pointwise: Predictor) -> None:
    def peak(height: int) -> int:
        tracemalloc.start()
        for _ in pointwise.outwards(nothing, (height, 208), Box(0, 0, 1, 1)):
            pass
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    peak(400)  # the network is compiled
    low, high = peak(1000), peak(4000)
    assert high < 1.2 * low


def test_a_tile_that_cannot_be_read_ends_it(pointwise: Predictor) -> None:
    def read(box: Box) -> NDArray[np.float32]:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(pointwise.strips(read, (10, 10)))


@pytest.fixture(scope="module")
def leftward() -> keras.Model:
    """A network that takes each pixel's class from the pixel to its left."""
    inputs = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(2, 3, padding="same")
    network = keras.Model(inputs, layer(inputs))
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[1, 0, 0, 1] = 4.0
    layer.set_weights([kernel, np.array([2.0, 0.0], np.float32)])
    return network


@pytest.mark.parametrize("shape", [(16, 16), (16, 24), (40, 8)])
def test_flips_average_what_the_network_says_of_all_eight_orientations(
    leftward: keras.Model, shape: tuple[int, int]
) -> None:
    pixels = noise(shape)
    plain = Predictor(leftward, Architecture(depth=3))
    seen = []
    for turns in range(4):
        for view, undo in ((pixels, lambda p: p), (pixels[:, ::-1], lambda p: p[:, ::-1])):
            turned = plain.probabilities(np.ascontiguousarray(np.rot90(view, turns)))
            seen.append(undo(np.rot90(turned, -turns)).astype(float))
    flipped = Predictor(leftward, Architecture(depth=3), flips=True).probabilities(pixels)
    np.testing.assert_allclose(flipped, np.mean(seen, axis=0), atol=1.01)  # each is rounded to 1/255
    assert np.abs(flipped - plain.probabilities(pixels).astype(float)).max() > 20


@pytest.mark.parametrize("turn", [np.rot90, np.fliplr, np.flipud])
def test_with_flips_a_turned_slide_gives_the_turned_proposal(
    leftward: keras.Model, turn: Callable[[NDArray[np.generic]], NDArray[np.generic]]
) -> None:
    predictor = Predictor(leftward, Architecture(depth=3), flips=True)
    pixels = noise((TILE + 40, 72))
    turned = predictor.probabilities(np.ascontiguousarray(turn(pixels)))
    difference = turned.astype(int) - turn(predictor.probabilities(pixels))
    assert np.abs(difference).max() <= 1


UNPADDED = Architecture(depth=1, width=2, padding="valid")


@pytest.fixture(scope="module")
def unpadded() -> keras.Model:
    """A network whose output is smaller than its input."""
    keras.utils.set_random_seed(3)
    return build_unet(UNPADDED, channels=1, classes=2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (TILE, 30), (TILE + 1, 3)])
def test_without_padding_a_plane_of_any_size_gets_a_proposal_of_its_own_size(
    unpadded: keras.Model, shape: tuple[int, int]
) -> None:
    assert Predictor(unpadded, UNPADDED).probabilities(noise(shape)).shape == (*shape, 1)


@pytest.mark.parametrize("shape", [(30, 22), (TILE + 60, 40)])
def test_without_padding_each_pixel_comes_out_as_of_the_whole_plane_in_its_mirror_image(
    unpadded: keras.Model, shape: tuple[int, int]
) -> None:
    pixels, margin = noise(shape), UNPADDED.margin
    sides = [UNPADDED.padded_side(length) for length in shape]
    around = [(margin, side - length - margin) for side, length in zip(sides, shape, strict=True)]
    mirrored = np.pad(pixels, (*around, (0, 0)), mode="symmetric")
    logits = np.asarray(unpadded.predict_on_batch(mirrored[None]))[0, : shape[0], : shape[1]].astype(np.float64)
    expected = 255 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    assert np.ptp(expected) > 5, "this network tells pixels apart"
    assert np.abs(Predictor(unpadded, UNPADDED).probabilities(pixels)[..., 0] - expected).max() <= 0.51


def test_without_padding_flips_fit_too(unpadded: keras.Model) -> None:
    pixels = noise((21, 34))
    predictor = Predictor(unpadded, UNPADDED, flips=True)
    turned = predictor.probabilities(np.ascontiguousarray(np.rot90(pixels))).astype(int)
    assert np.abs(turned - np.rot90(predictor.probabilities(pixels))).max() <= 1


@pytest.mark.parametrize(
    "box", [Box(0, 0, 5, 7), Box(400, 500, 520, 530), Box(590, 0, 600, 1100), Box(0, 0, 600, 1100)]
)
def test_a_region_comes_out_as_in_the_whole_plane(looking_around: Predictor, box: Box) -> None:
    pixels = noise((600, 1100))
    region = looking_around.region(lambda part: pixels[part.slices], (600, 1100), box)
    whole = looking_around.probabilities(pixels)[box.slices]
    assert region.shape == whole.shape
    # At the edge of the plane the network sees zeros or a mirror image, by where the tile lies.
    inside = box.intersect(Box(1, 1, 599, 1099)).within(box)
    assert np.abs(region[inside].astype(int) - whole[inside]).max() <= 1


def test_a_region_takes_few_tiles(looking_around: Predictor) -> None:
    read: list[Box] = []

    def reading(box: Box) -> NDArray[np.float32]:
        read.append(box)
        return np.zeros((*box.shape, 1), np.float32)

    looking_around.region(reading, (16384, 16384), Box(5000, 9000, 6000, 10600))
    assert len(read) == 12
    reach = Box(5000, 9000, 6000, 10600).grow(OVERLAP)
    assert all(box.intersect(reach) == box for box in read)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_temperature_divides_the_logits_and_leaves_the_mask(leftward: keras.Model, temperature: float) -> None:
    pixels = noise((16, 24))
    plain = Predictor(leftward, Architecture(depth=3)).probabilities(pixels)
    tempered = Predictor(leftward, Architecture(depth=3), temperature=temperature).probabilities(pixels)
    left = np.pad(pixels[..., 0], ((0, 0), (1, 0)))[:, :-1].astype(np.float64)
    expected = 255 / (1 + np.exp((2.0 - 4.0 * left) / temperature))
    assert np.abs(tempered[1:-1, 1:, 0] - expected[1:-1, 1:]).max() <= 0.51
    np.testing.assert_array_equal(tempered > 127, plain > 127)
