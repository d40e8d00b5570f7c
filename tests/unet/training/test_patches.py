"""Patches: pixels and labels stay together through every warp, and are drawn where labels are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.tiles import TILE, Box
from unet_studio.unet.recipes import Architecture, Augmentation, Loss, Recipe, Schedule, load_recipe
from unet_studio.unet.training import patches
from unet_studio.unet.training.border_weights import border_weights
from unet_studio.unet.training.patches import LabelledSlide, PatchBatches, augment_intensity, draw_patch, draw_slide

SAME_INTENSITY = Augmentation(gain=0, offset=0, gamma=0, gradient=0, noise=0, blur=0)
AS_IT_IS = replace(SAME_INTENSITY, flip=False, rotate=0, scale_low=1, scale_high=1, elastic=0, stretch=0)
RETRAIN = load_recipe("retrain")

BLOCK = 32
"""In the map slide each square block of so many pixels has a label of its own."""
COLUMNS = 15
MAP_SIDE = BLOCK * COLUMNS


@pytest.fixture(scope="module")
def map_slide(slide_of: Callable[..., LabelledSlide]) -> LabelledSlide:
    """A slide whose two channels are the y and x of each pixel, and whose labels are the numbers of its blocks."""
    y, x = np.mgrid[:MAP_SIDE, :MAP_SIDE]
    pixels = np.stack([y, x], axis=-1).astype(np.float32) / MAP_SIDE
    labels = LabelPlane((MAP_SIDE, MAP_SIDE))
    labels.write(Box(0, 0, MAP_SIDE, MAP_SIDE), (y // BLOCK * COLUMNS + x // BLOCK).astype(np.uint8))
    return slide_of(labels, lambda box: pixels[box.slices].copy(), channels=2)


def dotted(shape: tuple[int, int], *boxes: Box, value: int = 1) -> LabelPlane:
    """A plane that is labelled in these boxes only."""
    labels = LabelPlane(shape)
    for box in boxes:
        labels.write(box, np.full(box.shape, value, np.uint8))
    return labels


def nothing(box: Box) -> NDArray[np.float32]:
    return np.zeros((*box.shape, 1), np.float32)


def draw(slide: LabelledSlide, side: int, augmentation: Augmentation, seed: int = 0) -> Any:
    return draw_patch(slide, side, augmentation, np.random.default_rng(seed))[:2]


@given(
    seed=st.integers(0, 2**31),
    side=st.sampled_from([16, 48, 96]),
    rotate=st.sampled_from([0.0, 30.0, 180.0]),
    scales=st.sampled_from([(1.0, 1.0), (0.5, 0.6), (0.8, 1.25), (2.0, 2.0)]),
    elastic=st.sampled_from([0.0, 4.0]),
    flip=st.booleans(),
    whole=st.booleans(),
    margin=st.sampled_from([0, 5]),
)
@settings(max_examples=200, deadline=None)
def test_a_label_is_the_one_of_the_place_that_its_pixel_shows_however_warped(
    map_slide: LabelledSlide,
    seed: int,
    side: int,
    rotate: float,
    scales: tuple[float, float],
    elastic: float,
    flip: bool,
    whole: bool,
    margin: int,
) -> None:
    low, high = scales
    augmentation = replace(SAME_INTENSITY, flip=flip, rotate=rotate, scale_low=low, scale_high=high, elastic=elastic)
    cut = draw_slide if whole else draw_patch
    pixels, labels = cut(map_slide, side, augmentation, np.random.default_rng(seed), margin)[:2]
    assert pixels.shape == (side, side, 2)
    assert labels.shape == (side - 2 * margin, side - 2 * margin)
    pixels = pixels[margin : side - margin, margin : side - margin]
    labelled = labels != UNLABELLED
    assume(labelled.any())  # the elastic part can push all labels out of the smallest patches
    blocks = np.stack(np.divmod(labels[labelled].astype(int), COLUMNS), axis=-1)
    centres = blocks * BLOCK + (BLOCK - 1) / 2
    # Half a block and no more: the nearest label may be off by half a pixel, OpenCV counts in 1/32 pixel.
    assert np.abs(pixels[labelled] * MAP_SIDE - centres).max() <= BLOCK / 2 + 1 / 32 + 1e-3


def test_without_variation_a_patch_is_a_part_of_the_slide(map_slide: LabelledSlide) -> None:
    pixels, labels = draw(map_slide, 32, AS_IT_IS)
    steps = pixels * MAP_SIDE
    np.testing.assert_allclose(np.diff(steps[..., 0], axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(np.diff(steps[..., 1], axis=1), 1, atol=1e-3)
    y, x = np.rint(steps).astype(int).transpose(2, 0, 1)
    np.testing.assert_array_equal(labels, y // BLOCK * COLUMNS + x // BLOCK)


def test_patches_come_in_every_orientation(map_slide: LabelledSlide) -> None:
    augmentation = replace(AS_IT_IS, flip=True, rotate=180)
    turns = set()
    for seed in range(100):
        pixels, _ = draw(map_slide, 16, augmentation, seed)
        down, right = pixels[15, 8] - pixels[0, 8], pixels[8, 15] - pixels[8, 0]
        handed = np.sign(down[0] * right[1] - down[1] * right[0])
        turns.add((np.sign(down[0]), np.sign(down[1]), handed))
    assert len(turns) == 8


def test_a_stretch_is_as_much_longer_as_it_is_narrower(map_slide: LabelledSlide) -> None:
    augmentation = replace(AS_IT_IS, stretch=0.3)
    factors = set()
    for seed in range(40):
        pixels, labels = draw(map_slide, 16, augmentation, seed)
        if (labels == UNLABELLED).any():
            continue  # mirrored at the slide's border
        steps = (pixels * MAP_SIDE).astype(np.float64)
        down, right = (steps[15, 8, 0] - steps[0, 8, 0]) / 15, (steps[8, 15, 1] - steps[8, 0, 1]) / 15
        assert down * right == pytest.approx(1, abs=0.01)
        factors.add(round(down, 2))
    assert min(factors) < 0.85
    assert max(factors) > 1.15


def test_beyond_the_border_pixels_are_mirrored_and_nothing_is_labelled(slide_of: Callable[..., LabelledSlide]) -> None:
    slide = slide_of(dotted((10, 9), Box(0, 0, 10, 9)), lambda box: np.ones((*box.shape, 1), np.float32))
    pixels, labels = draw(slide, 64, AS_IT_IS)
    assert np.all(pixels == 1)
    assert np.count_nonzero(labels == 1) == 10 * 9
    assert np.count_nonzero(labels == UNLABELLED) == 64 * 64 - 10 * 9


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
@pytest.mark.parametrize("side", [16, 256])
def test_planes_of_any_size_give_patches(
    slide_of: Callable[..., LabelledSlide], shape: tuple[int, int], side: int
) -> None:
    slide = slide_of(dotted(shape, Box.of_shape(shape)), nothing)
    for seed in range(10):
        pixels, labels = draw(slide, side, RETRAIN.augmentation, seed)
        assert pixels.shape == (side, side, 1)
        assert labels.shape == (side, side)


@pytest.mark.parametrize("side", [64, 256])
def test_a_dot_of_three_pixels_is_in_every_patch(slide_of: Callable[..., LabelledSlide], side: int) -> None:
    slide = slide_of(dotted((2000, 2000), Box(999, 254, 1002, 257)), nothing)
    for seed in range(100):
        assert 1 in draw(slide, side, RETRAIN.augmentation, seed)[1], f"patch {seed} has no label"


def test_a_single_labelled_pixel_is_in_three_of_four_patches(slide_of: Callable[..., LabelledSlide]) -> None:
    slide = slide_of(dotted((600, 600), Box(300, 300, 301, 301)), nothing)
    found = sum(1 in draw(slide, 128, RETRAIN.augmentation, seed)[1] for seed in range(300))
    assert found >= 225, "where a patch shrinks the slide one pixel may be skipped, but not so often"
    assert all(1 in draw(slide, 128, AS_IT_IS, seed)[1] for seed in range(300))


def test_the_labelled_pixel_lies_anywhere_in_the_patch(slide_of: Callable[..., LabelledSlide]) -> None:
    slide = slide_of(dotted((600, 600), Box(299, 299, 302, 302)), nothing)
    places = [np.argwhere(draw(slide, 60, AS_IT_IS, seed)[1] == 1).mean(axis=0) for seed in range(100)]
    assert np.min(places) < 15
    assert np.max(places) > 45
    assert len({tuple(place) for place in places}) > 90


def test_half_of_the_patches_lie_around_a_class_rather_than_background(slide_of: Callable[..., LabelledSlide]) -> None:
    labels = dotted((256, 256), Box(0, 0, 256, 256), value=0)
    labels.write(Box(200, 200, 204, 204), np.full((4, 4), 1, np.uint8))
    slide = slide_of(labels, nothing)
    found = sum(1 in draw(slide, 32, AS_IT_IS, seed)[1] for seed in range(200))
    assert 80 <= found <= 140


@pytest.mark.parametrize("side", [5_000, 100_000])
def test_a_patch_of_a_large_slide_costs_as_much_as_one_of_a_huge_slide(
    slide_of: Callable[..., LabelledSlide], side: int
) -> None:
    slide = slide_of(dotted((side, side), Box(2000, 2000, 2200, 2200)), nothing)
    for seed in range(20):
        draw(slide, 64, RETRAIN.augmentation, seed)
    # 64 px, turned, at 0.8 of their size and reached by the elastic part: 160 px a side at the most.
    assert 0 < slide.reader.pixels_read <= 20 * 160**2


@pytest.mark.parametrize("shape", [(40, 40), (100, 30), (301, 200)])
def test_a_whole_slide_fills_its_patch(slide_of: Callable[..., LabelledSlide], shape: tuple[int, int]) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    places = np.stack([(y + 0.5) / shape[0], (x + 0.5) / shape[1]], axis=-1).astype(np.float32)
    slide = slide_of(dotted(shape, Box(0, 0, *shape)), lambda box: places[box.slices].copy(), channels=2)
    pixels, labels, _ = draw_slide(slide, 64, AS_IT_IS, np.random.default_rng(0))
    assert np.all(labels == 1)
    expected = (np.arange(64) + 0.5) / 64
    inner = slice(3, -3)  # at the border itself a mirrored pixel comes in
    np.testing.assert_allclose(pixels[inner, 32, 0], expected[inner], atol=1e-3)
    np.testing.assert_allclose(pixels[32, inner, 1], expected[inner], atol=1e-3)


def test_what_a_margin_crops_off_the_labels_is_their_border(map_slide: LabelledSlide) -> None:
    pixels, labels, _ = draw_patch(map_slide, 32, AS_IT_IS, np.random.default_rng(0), 8)
    y, x = np.rint(pixels[8:-8, 8:-8] * MAP_SIDE).astype(int).transpose(2, 0, 1)
    np.testing.assert_array_equal(labels, y // BLOCK * COLUMNS + x // BLOCK)


@pytest.mark.parametrize(("side", "margin"), [(64, 24), (128, 20)])
def test_a_dot_is_in_every_patch_that_loses_a_margin(
    slide_of: Callable[..., LabelledSlide], side: int, margin: int
) -> None:
    slide = slide_of(dotted((600, 600), Box(299, 299, 302, 302)), nothing)
    for seed in range(50):
        assert 1 in draw_patch(slide, side, AS_IT_IS, np.random.default_rng(seed), margin)[1]


class TestMemory:
    """Normalised planes stay in memory, but only so many."""

    recipe = Recipe("tiny", architecture=Architecture(depth=2), schedule=Schedule(steps=8, batch=4, patch=32))

    def train_on(self, slides: list[LabelledSlide]) -> None:
        batches = PatchBatches(slides, self.recipe)
        for index in range(batches.steps):
            batches.batch(0, index)

    def test_a_small_plane_is_read_once(self, slide_of: Callable[..., LabelledSlide]) -> None:
        slide = slide_of(dotted((300, 200), Box(0, 0, 300, 200)), nothing)
        self.train_on([slide])
        assert slide.reader.pixels_read == 300 * 200

    def test_the_smallest_planes_stay_until_the_memory_is_used_up(
        self, slide_of: Callable[..., LabelledSlide], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patches, "_CACHED_BYTES", 4 * (100 * 100 + 110 * 110))
        sides = [120, 100, 130, 110]
        slides = [slide_of(dotted((side, side), Box(0, 0, side, side)), nothing) for side in sides]
        self.train_on(slides)
        assert [slide.stays_in_memory for slide in slides] == [False, True, False, True]
        assert [slide.reader.pixels_read == side**2 for slide, side in zip(slides, sides, strict=True)] == [
            False, True, False, True
        ]  # fmt: skip

    def test_a_judged_slide_stays_out_of_memory(self, slide_of: Callable[..., LabelledSlide]) -> None:
        slide = slide_of(dotted((300, 200), Box(0, 0, 300, 200)), nothing)
        slide.read(Box(0, 0, 10, 10))
        assert slide.reader.pixels_read == 100


def test_tiles_are_drawn_as_often_as_they_have_labels(slide_of: Callable[..., LabelledSlide]) -> None:
    many, few = Box(0, 0, 100, 90), Box(0, 5 * TILE, 10, 5 * TILE + 100)
    labels = dotted((TILE, 6 * TILE), many)
    labels.write(few, np.full(few.shape, 1, np.uint8))
    slide = slide_of(labels, nothing)
    of_few = sum(slide.draw_labelled(np.random.default_rng(seed))[1] >= 5 * TILE for seed in range(300))
    assert 15 <= of_few <= 50  # a tenth of the labelled pixels


def test_a_rare_class_is_drawn_as_often_as_a_common_one(slide_of: Callable[..., LabelledSlide]) -> None:
    labels = dotted((TILE, 6 * TILE), Box(0, 0, TILE, 5 * TILE))
    labels.write(Box(9, 5 * TILE, 10, 5 * TILE + 3), np.full((1, 3), 2, np.uint8))
    slide = slide_of(labels, nothing)
    drawn = [slide.draw_labelled(np.random.default_rng(seed)) for seed in range(400)]
    rare = sum(pixel in {(9, 5 * TILE), (9, 5 * TILE + 1), (9, 5 * TILE + 2)} for pixel in drawn)
    assert 70 <= rare <= 130, "half of the patches are for the classes, and half of these for each of the two"


class TestBatches:
    recipe = Recipe(
        "tiny", seed=5, architecture=Architecture(depth=2), schedule=Schedule(rounds=2, steps=3, batch=4, patch=32)
    )

    def test_a_batch_has_the_shape_that_the_recipe_names(self, map_slide: LabelledSlide) -> None:
        batches = PatchBatches([map_slide], self.recipe)
        assert batches.steps == 3
        pixels, labels = batches.batch(0, 0)
        assert (pixels.shape, pixels.dtype) == ((4, 32, 32, 2), np.float32)
        assert (labels.shape, labels.dtype) == ((4, 32, 32), np.uint8)

    def test_the_labels_have_the_size_of_the_output(self, map_slide: LabelledSlide) -> None:
        recipe = replace(self.recipe, architecture=Architecture(depth=1, padding="valid"))
        pixels, labels = PatchBatches([map_slide], recipe).batch(0, 0)
        assert pixels.shape == (4, 32, 32, 2)
        assert labels.shape == (4, 16, 16)

    def test_border_weights_come_with_the_labels(self, map_slide: LabelledSlide) -> None:
        recipe = replace(self.recipe, loss=Loss(border_weight=10.0, border_sigma=3.0))
        _, both = PatchBatches([map_slide], recipe).batch(0, 0)
        assert (both.shape, both.dtype) == ((4, 32, 32, 2), np.float32)
        _, labels = PatchBatches([map_slide], self.recipe).batch(0, 0)
        np.testing.assert_array_equal(both[..., 0], labels)
        for weights, of_patch in zip(both[..., 1], labels, strict=True):
            np.testing.assert_array_equal(weights, border_weights(of_patch, w0=10, sigma=3))

    def test_the_same_seed_round_and_index_give_the_same_batch(self, map_slide: LabelledSlide) -> None:
        first, second = PatchBatches([map_slide], self.recipe), PatchBatches([map_slide], self.recipe)
        second.batch(0, 0), second.batch(1, 2)
        for one, other in zip(first.batch(1, 1), second.batch(1, 1), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_another_seed_round_or_index_gives_another_batch(self, map_slide: LabelledSlide) -> None:
        batches = PatchBatches([map_slide], self.recipe)
        reseeded = PatchBatches([map_slide], replace(self.recipe, seed=6))
        drawn = [batches.batch(0, 0)[0], batches.batch(0, 1)[0], batches.batch(1, 0)[0], reseeded.batch(0, 0)[0]]
        for index, one in enumerate(drawn):
            assert not any(np.array_equal(one, other) for other in drawn[index + 1 :])

    @pytest.fixture
    def slides(self, slide_of: Callable[..., LabelledSlide]) -> list[LabelledSlide]:
        """Five slides, each labelled with its own number."""
        return [slide_of(dotted((64, 64), Box(0, 0, 64, 64), value=value), nothing) for value in range(5)]

    def test_every_slide_is_drawn_from(self, slides: list[LabelledSlide]) -> None:
        batches = PatchBatches(slides, self.recipe)
        seen = {int(value) for index in range(8) for value in np.unique(batches.batch(0, index)[1])}
        assert seen == {0, 1, 2, 3, 4, UNLABELLED}

    @pytest.mark.parametrize(("batch", "steps"), [(1, 5), (2, 3), (8, 1)])
    def test_an_epoch_of_whole_slides_has_each_once_before_any_comes_again(
        self, slides: list[LabelledSlide], batch: int, steps: int
    ) -> None:
        schedule = replace(self.recipe.schedule, epoch=True, batch=batch, whole=True)
        batches = PatchBatches(slides, replace(self.recipe, schedule=schedule, augmentation=AS_IT_IS))
        assert batches.steps == steps
        orders = []
        for number in range(3):
            labels = np.concatenate([batches.batch(number, index)[1] for index in range(steps)])
            orders.append([int(value) for value in labels[:, 16, 16]])
            assert sorted(orders[-1][:5]) == [0, 1, 2, 3, 4]
        assert len({tuple(order) for order in orders}) > 1

    @pytest.mark.parametrize(("patch", "padding", "steps"), [(32, "same", 5), (64, "same", 2), (32, "valid", 20)])
    def test_an_epoch_of_patches_covers_the_labelled_pixels_once(
        self, slides: list[LabelledSlide], patch: int, padding: str, steps: int
    ) -> None:
        schedule = replace(self.recipe.schedule, epoch=True, patch=patch)
        recipe = replace(self.recipe, architecture=Architecture(depth=1, padding=padding), schedule=schedule)
        assert PatchBatches(slides, recipe).steps == steps

    def test_pixels_of_a_class_are_counted(self, slide_of: Callable[..., LabelledSlide]) -> None:
        labels = dotted((300, 300), Box(0, 0, 2, 300), value=0)
        labels.write(Box(10, 10, 13, 14), np.full((3, 4), 2, np.uint8))
        slide = slide_of(labels, nothing)
        assert slide.count_classes(4).tolist() == [600, 0, 12, 0]
        assert slide.labelled == 612


class TestIntensityAugmentation:
    pixels = np.random.default_rng(0).random((40, 30, 3), dtype=np.float32)

    def test_every_magnitude_zero_leaves_the_pixels_as_they_are(self) -> None:
        augmented = augment_intensity(self.pixels, SAME_INTENSITY, np.random.default_rng(0))
        np.testing.assert_array_equal(augmented, self.pixels)

    @pytest.mark.parametrize("kind", ["gain", "offset", "gamma", "gradient", "noise", "blur", "colour"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_each_kind_of_intensity_augmentation_changes_pixels_and_keeps_their_form(
        self, kind: str, channels: int
    ) -> None:
        before = self.pixels[..., :channels]
        augmentation = replace(SAME_INTENSITY, **{kind: 0.5})
        augmented = [augment_intensity(before, augmentation, np.random.default_rng(seed)) for seed in range(10)]
        assert any(not np.array_equal(after, before) for after in augmented)
        for after in augmented:
            assert (after.shape, after.dtype) == (before.shape, np.float32)
            assert np.isfinite(after).all()

    def test_brightness_stays_within_its_range(self) -> None:
        augmentation = replace(SAME_INTENSITY, brightness_low=0.8, brightness_high=0.9)
        factors = [augment_intensity(self.pixels, augmentation, np.random.default_rng(s))[0, 0, 0] for s in range(50)]
        factors = np.array(factors) / self.pixels[0, 0, 0]
        assert 0.8 <= factors.min() < 0.82
        assert 0.88 < factors.max() <= 0.9

    def test_gamma_keeps_what_is_darker_than_black_finite(self) -> None:
        augmented = augment_intensity(self.pixels - 0.5, replace(SAME_INTENSITY, gamma=1), np.random.default_rng(0))
        assert np.isfinite(augmented).all()
        assert np.array_equal(np.sign(augmented), np.sign(self.pixels - 0.5))
