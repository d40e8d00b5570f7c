"""Clean-up against scikit-image, and the promises that hold for every mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure, morphology

from unet_studio.core.cleaning.clean_up import clean_up, halo
from unet_studio.core.cleaning.steps import WATERSHEDS, Step, boundary_classes, parse_steps
from unet_studio.core.tiles import Box

DISC_OPERATIONS = ("dilate", "erode", "open", "close")
REFERENCES = {
    "dilate": morphology.dilation,
    "erode": morphology.erosion,
    "open": morphology.opening,
    "close": morphology.closing,
}

masks = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.sampled_from([0, 0, 1, 2, 253])
)
classes = st.sampled_from([None, 1, 2, 253])
disc_steps = st.builds(Step, st.sampled_from(DISC_OPERATIONS), st.integers(1, 4), classes)
area_steps = st.builds(Step, st.sampled_from(["fill-holes", "remove-small"]), st.integers(1, 30), classes)
watershed_steps = st.builds(
    Step,
    st.sampled_from(WATERSHEDS),
    st.integers(0, 30).map(lambda tenths: tenths / 10),
    classes,
    st.integers(1, 100).map(lambda hundredths: hundredths / 100),
)
any_steps = st.one_of(disc_steps, area_steps, watershed_steps)


def random_plane(shape: tuple[int, int], *, classes: int = 3, sigma: float = 2.0, seed: int = 0) -> NDArray[np.uint8]:
    """Blobs of several classes that touch each other, the background and the edge."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(classes, *shape)), (0, sigma, sigma))
    return noise.argmax(axis=0).astype(np.uint8)


def grown(mask: NDArray[np.uint8], index: int, region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(region & (mask == 0), index, mask).astype(np.uint8)


@pytest.mark.parametrize("shape", [(90, 70), (1, 40), (40, 1), (3, 130)])
@pytest.mark.parametrize("radius", [1, 2, 5, 9, 21])
@pytest.mark.parametrize("operation", DISC_OPERATIONS)
def test_discs_agree_with_scikit_image(operation: str, radius: int, shape: tuple[int, int]) -> None:
    mask = random_plane(shape, classes=2)
    expected = REFERENCES[operation](mask, morphology.disk(radius), mode="ignore")
    np.testing.assert_array_equal(clean_up(mask, [Step(operation, radius)]), expected)


@given(masks, st.sampled_from(DISC_OPERATIONS), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_discs_agree_with_scikit_image_on_any_mask(mask: NDArray[np.uint8], operation: str, radius: int) -> None:
    of_class = (mask == 1).astype(np.uint8)
    region = REFERENCES[operation](of_class, morphology.disk(radius), mode="ignore") == 1
    kept = np.where((mask == 1) & ~region, 0, mask).astype(np.uint8)
    np.testing.assert_array_equal(clean_up(mask, [Step(operation, radius, 1)]), grown(kept, 1, region))


@pytest.mark.parametrize("radius", [20, 64, 100])
def test_large_discs_are_exact(radius: int) -> None:
    mask = np.zeros((300, 333), np.uint8)
    centres = np.array([(0, 0), (150, 160), (151, 290), (299, 40)])
    mask[tuple(centres.T)] = 1
    y, x = np.ogrid[:300, :333]
    near = np.any([(y - cy) ** 2 + (x - cx) ** 2 <= radius**2 for cy, cx in centres], axis=0)
    np.testing.assert_array_equal(clean_up(mask, [Step("dilate", radius)]), near)
    inverse = clean_up(1 - mask, [Step("erode", radius)])
    np.testing.assert_array_equal(inverse, ~near)


@given(masks, st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_holes_are_background_that_the_class_encloses(mask: NDArray[np.uint8], area: int) -> None:
    enclosed = ndimage.binary_fill_holes(mask == 2) & (mask != 2)
    holes = measure.label(enclosed, connectivity=1)
    sizes = np.bincount(holes.ravel())
    region = enclosed & ((sizes[holes] <= area) | (area == 0))
    np.testing.assert_array_equal(clean_up(mask, [Step("fill-holes", area, 2)]), grown(mask, 2, region))


@given(masks, st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_small_components_go(mask: NDArray[np.uint8], area: int) -> None:
    objects = measure.label(mask == 2, connectivity=2)
    is_small = (objects > 0) & (np.bincount(objects.ravel())[objects] < area)
    np.testing.assert_array_equal(clean_up(mask, [Step("remove-small", area, 2)]), np.where(is_small, 0, mask))


def test_the_edge_of_the_plane_neither_eats_nor_fills() -> None:
    everything = np.ones((20, 20), np.uint8)
    np.testing.assert_array_equal(clean_up(everything, parse_steps("erode:5,open:7")), everything)
    bay = everything.copy()
    bay[8:12, :4] = 0
    np.testing.assert_array_equal(clean_up(bay, parse_steps("fill-holes:0")), bay)


def test_a_hole_counts_whole_but_only_its_background_is_filled() -> None:
    cell = np.ones((9, 9), np.uint8)
    cell[2:7, 2:7] = 0
    cell[4, 4] = 2
    np.testing.assert_array_equal(clean_up(cell, parse_steps("fill-holes:24@1")), cell)
    filled = clean_up(cell, parse_steps("fill-holes:25@1"))
    assert filled[4, 4] == 2
    assert (filled == 1).sum() == 80


def test_classes_take_turns_in_order_of_index() -> None:
    mask = np.array([[2, 0, 1]], np.uint8)
    assert clean_up(mask, parse_steps("dilate:1")).tolist() == [[2, 1, 1]]
    assert clean_up(mask, parse_steps("dilate:1@2,dilate:1")).tolist() == [[2, 2, 1]]


@given(masks, any_steps)
@settings(max_examples=100, deadline=None)
def test_a_step_leaves_other_classes_and_its_input_alone(mask: NDArray[np.uint8], step: Step) -> None:
    before = mask.copy()
    result = clean_up(mask, [step])
    np.testing.assert_array_equal(mask, before)
    assert not np.shares_memory(mask, result)
    assert result.dtype == np.uint8
    changed = result != mask
    was, became = mask[changed], result[changed]
    assert np.all((was == 0) | (became == 0))
    if step.class_index is not None:
        assert set(np.concatenate([was, became]).tolist()) <= {0, step.class_index}


@given(masks, st.sampled_from(["open", "close"]), st.integers(1, 4), classes)
@settings(max_examples=60, deadline=None)
def test_opening_and_closing_again_changes_nothing(
    mask: NDArray[np.uint8], operation: str, radius: int, index: int | None
) -> None:
    step = Step(operation, radius, index)
    once = clean_up(mask, [step])
    np.testing.assert_array_equal(clean_up(once, [step]), once)


def check_region(mask: NDArray[np.uint8], steps: list[Step], box: Box) -> None:
    """Cleaning `box` up with its surroundings gives what cleaning up the whole plane gives there."""
    around = box.grow(halo(steps)).intersect(Box.of_shape(mask.shape))
    inside = clean_up(mask[around.slices], steps)[box.within(around)]
    np.testing.assert_array_equal(inside, clean_up(mask, steps)[box.slices])


near_steps = st.one_of(
    st.builds(Step, st.sampled_from(DISC_OPERATIONS), st.integers(1, 3), st.sampled_from([None, 1, 2])),
    st.builds(Step, st.sampled_from(["fill-holes", "remove-small"]), st.integers(1, 12), st.sampled_from([None, 1, 2])),
)


@given(st.integers(0, 2**32 - 1), st.lists(near_steps, min_size=1, max_size=3), st.integers(0, 80), st.integers(0, 90))
@settings(max_examples=80, deadline=None)
def test_a_region_with_its_halo_comes_out_as_on_the_whole_plane(seed: int, steps: list[Step], y0: int, x0: int) -> None:
    check_region(random_plane((90, 100), seed=seed, sigma=1.2), steps, Box(y0, x0, y0 + 10, x0 + 10))


def test_halo_adds_up() -> None:
    assert halo(()) == 0
    assert halo(parse_steps("dilate:2,erode:3,open:4,close:5")) == 2 + 3 + 8 + 10
    assert halo(parse_steps("fill-holes:64,remove-small:1000")) == 64 + 256
    assert halo(parse_steps("fill-holes:0")) == 256
    assert halo(parse_steps("watershed:1.5:0.1,watershed-distance:0:1")) == 256 + 5 + 256


def two_cells(gap: int) -> NDArray[np.uint8]:
    """The probability (h, w, 1) of cells on both sides of a thin membrane with a gap of `gap` rows."""
    cell = np.full((41, 61), 230, np.uint8)
    cell[:, 29:32] = 40
    cell[20 - gap // 2 : 20 - gap // 2 + gap, 29:32] = 150
    return cell[..., None]


def components(mask: NDArray[np.bool_]) -> int:
    return int(measure.label(mask, connectivity=2).max())


def test_watershed_parts_cells_that_flow_together_through_a_gap() -> None:
    cell = two_cells(gap=7)
    mask = (cell[..., 0] > 127).astype(np.uint8)
    assert components(mask == 1) == 1
    parted = clean_up(mask, parse_steps("watershed:1:0.1"), cell)
    assert components(parted == 1) == 2
    changed = parted != mask
    assert changed.any()
    assert np.all(np.isin(np.nonzero(changed)[1], range(28, 33)))  # within the gap, nowhere else
    assert changed.sum() <= 2 * 8
    # The gap is 80 lower than its cells, of 255.
    np.testing.assert_array_equal(clean_up(mask, parse_steps("watershed:0:0.32"), cell), mask)


def test_watershed_boundary_closes_the_gap_of_a_membrane() -> None:
    membrane = 255 - two_cells(gap=7)
    mask = (membrane[..., 0] > 127).astype(np.uint8)
    assert components(mask == 0) == 1
    closed = clean_up(mask, parse_steps("watershed-boundary:1:0.1@1"), membrane)
    assert components(closed == 0) == 2
    assert np.all(closed[mask == 1] == 1)
    assert (closed != mask).sum() <= 2 * 8
    assert boundary_classes(parse_steps("watershed-boundary:1:0.1@1,watershed:1:0.1@2")) == {1}
    assert boundary_classes(parse_steps("watershed-boundary:1:0.1")) == set(range(1, 254))


def test_watershed_distance_parts_round_objects_of_one_probability_at_their_neck() -> None:
    y, x = np.ogrid[:50, :80]
    discs = ((y - 25) ** 2 + (x - 24) ** 2 <= 18**2) | ((y - 25) ** 2 + (x - 54) ** 2 <= 18**2)
    mask = discs.astype(np.uint8)
    sure = mask[..., None] * np.uint8(255)
    np.testing.assert_array_equal(clean_up(mask, parse_steps("watershed:1:0.1"), sure), mask)
    parted = clean_up(mask, parse_steps("watershed-distance:1:2"), sure)
    assert components(parted == 1) == 2
    assert set(np.nonzero(parted != mask)[1].tolist()) <= {38, 39, 40}
    # The discs are 18 deep and their neck about 10.
    np.testing.assert_array_equal(clean_up(mask, parse_steps("watershed-distance:1:9"), sure), mask)


def test_a_watershed_is_for_its_class_and_looks_at_the_probability_of_that_class() -> None:
    cell = two_cells(gap=7)
    mask = (cell[..., 0] > 127).astype(np.uint8) * 2
    probabilities = np.concatenate([np.zeros_like(cell), cell], axis=2)
    assert components(clean_up(mask, parse_steps("watershed:1:0.1"), probabilities) == 2) == 2
    np.testing.assert_array_equal(clean_up(mask, parse_steps("watershed:1:0.1@1"), probabilities), mask)
    np.testing.assert_array_equal(clean_up(mask, parse_steps("watershed:1:0.1"), probabilities[..., ::-1]), mask)


@pytest.mark.parametrize("operation", WATERSHEDS)
def test_a_watershed_for_a_class_that_the_model_does_not_know_changes_nothing(operation: str) -> None:
    cell = two_cells(gap=7)
    mask = (cell[..., 0] > 127).astype(np.uint8)
    np.testing.assert_array_equal(clean_up(mask, [Step(operation, 1, 2, 0.1)], cell), mask)


def test_without_probabilities_the_mask_counts_as_certain() -> None:
    mask = random_plane((60, 70))
    sure = np.stack([mask == 1, mask == 2], axis=2) * np.uint8(255)
    steps = parse_steps("watershed:3:0.05")
    np.testing.assert_array_equal(clean_up(mask, steps), clean_up(mask, steps, sure))
    assert (clean_up(mask, steps) != mask).any()


@given(st.integers(0, 2**32 - 1), watershed_steps, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_watersheds_of_a_region_with_their_halo_come_out_as_on_the_whole_plane(
    seed: int, step: Step, y0: int, x0: int
) -> None:
    """On a plane in which no object is longer than 256 pixels."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(300, 330)), 3)
    probabilities = np.clip(128 + 900 * smooth, 0, 255).astype(np.uint8)[..., None]
    mask = (probabilities[..., 0] > 127).astype(np.uint8)
    mask[90:, :] = mask[:, 90:] = 1 if step.operation == "watershed-boundary" else 0
    box = Box(y0, x0, y0 + 30, x0 + 30)
    around = box.grow(halo([step])).intersect(Box.of_shape(mask.shape))
    inside = clean_up(mask[around.slices], [step], probabilities[around.slices])[box.within(around)]
    np.testing.assert_array_equal(inside, clean_up(mask, [step], probabilities)[box.slices])


def test_an_empty_recipe_copies() -> None:
    mask = random_plane((5, 6))
    result = clean_up(mask, ())
    np.testing.assert_array_equal(result, mask)
    assert not np.shares_memory(mask, result)


def test_columns_first_masks_and_absent_classes_are_fine() -> None:
    mask = np.asfortranarray(random_plane((30, 20)))
    np.testing.assert_array_equal(clean_up(mask, parse_steps("open:1@77")), mask)
    np.testing.assert_array_equal(
        clean_up(mask, parse_steps("close:2")), clean_up(mask.copy("C"), parse_steps("close:2"))
    )
