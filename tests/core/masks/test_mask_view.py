"""A mask is what a person labelled, over the cleaned-up proposal, and looks the same in any view."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.clean_up import clean_up
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.mask_view import MaskView, cleaned_mask, lay_over, shrunken_steps
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import Proposal, find_proposal, proposal_file, to_mask
from unet_studio.core.tiles import Box

SHAPE = (290, 330)
WHOLE = Box.of_shape(SHAPE)
PLANE = PlaneId("slide.png")


def blobs(channels: int = 2) -> NDArray[np.uint8]:
    """Smooth probabilities (h, w, channels) that add up to 1 with the background."""
    noise = np.random.default_rng(0).normal(size=(*SHAPE, channels + 1))
    odds = np.exp(30 * ndimage.gaussian_filter(noise, (3, 3, 0)))
    return np.asarray(255 * odds[..., 1:] / odds.sum(axis=2, keepdims=True), np.uint8)


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> Proposal:
    place = tmp_path_factory.mktemp("project")
    write_proposal(proposal_file(place, "model", PLANE), SHAPE, 2, [(0, blobs())], stamp="1-1")
    found = find_proposal(place, "model", PLANE)
    assert found is not None
    return found


classes = st.sampled_from([0, 1, 2])
discs = st.builds(
    Step, st.sampled_from(["dilate", "erode", "open", "close"]), st.integers(1, 6), st.sampled_from([None, 1, 2])
)
boxes = st.tuples(st.integers(0, 289), st.integers(0, 329), st.integers(1, 90), st.integers(1, 90)).map(
    lambda corner: Box(corner[0], corner[1], min(corner[0] + corner[2], 290), min(corner[1] + corner[3], 330))
)


@given(
    hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, UNLABELLED])),
    hnp.arrays(np.uint8, (6, 7), elements=classes),
)
def test_labels_win_and_the_proposal_shows_where_there_are_none(
    labels: NDArray[np.uint8], cleaned: NDArray[np.uint8]
) -> None:
    mask = lay_over(labels, cleaned)
    is_labelled = labels != UNLABELLED
    np.testing.assert_array_equal(mask[is_labelled], labels[is_labelled])
    np.testing.assert_array_equal(mask[~is_labelled], cleaned[~is_labelled])


def test_a_view_lays_labels_over_the_cleaned_up_proposal(proposal: Proposal) -> None:
    labels = LabelPlane(SHAPE)
    labels.write(Box(100, 100, 120, 140), np.full((20, 40), 2, np.uint8))
    view = MaskView(labels, proposal, steps=(Step("dilate", 5),))
    expected = view.cleaned(WHOLE)
    expected[100:120, 100:140] = 2
    np.testing.assert_array_equal(view.read(WHOLE), expected)


def test_without_a_proposal_what_is_not_labelled_is_background() -> None:
    labels = LabelPlane(SHAPE)
    labels.write(Box(0, 0, 2, 2), np.full((2, 2), 1, np.uint8))
    mask = MaskView(labels, None).read(WHOLE)
    assert (mask[:2, :2] == 1).all()
    assert np.count_nonzero(mask) == 4


@settings(max_examples=40)
@given(boxes, st.lists(discs, max_size=3), st.sampled_from([0.2, 0.5, 0.8]))
def test_a_box_is_cleaned_up_as_it_would_be_on_the_whole_plane(
    proposal: Proposal, box: Box, steps: list[Step], threshold: float
) -> None:
    view = MaskView(LabelPlane(SHAPE), proposal, threshold, tuple(steps))
    whole = clean_up(to_mask(blobs(), threshold), steps)
    np.testing.assert_array_equal(view.cleaned(box), whole[box.slices])


@settings(max_examples=20)
@given(boxes)
def test_small_holes_and_small_objects_are_treated_in_a_box_as_on_the_whole_plane(proposal: Proposal, box: Box) -> None:
    steps = (Step("fill-holes", 60), Step("remove-small", 60))
    view = MaskView(LabelPlane(SHAPE), proposal, steps=steps)
    np.testing.assert_array_equal(view.cleaned(box), clean_up(to_mask(blobs()), steps)[box.slices])


@pytest.mark.parametrize("shrink", [1, 2, 8, 256])
def test_a_shrunken_view_has_the_size_of_the_shrunken_plane_and_takes_its_pixels(
    proposal: Proposal, shrink: int
) -> None:
    box = Box(0, 0, -(-SHAPE[0] // shrink), -(-SHAPE[1] // shrink))
    cleaned = MaskView(LabelPlane(SHAPE), proposal).cleaned(box, shrink=shrink)
    np.testing.assert_array_equal(cleaned, to_mask(blobs())[::shrink, ::shrink])


def test_a_shrunken_clean_up_looks_like_the_real_one_from_afar(proposal: Proposal) -> None:
    view = MaskView(LabelPlane(SHAPE), proposal, steps=(Step("dilate", 8), Step("remove-small", 400)))
    near = view.cleaned(WHOLE)[::2, ::2]
    afar = view.cleaned(Box(0, 0, 145, 165), shrink=2)
    unscaled = clean_up(to_mask(blobs())[::2, ::2], view.steps)
    assert np.mean(near == afar) > 0.95 > np.mean(near == unscaled)


def test_a_watershed_sees_the_probabilities_behind_the_mask(proposal: Proposal) -> None:
    steps = (Step("watershed", 1, height=0.05),)
    view = MaskView(LabelPlane(SHAPE), proposal, steps=steps)
    parted = view.cleaned(WHOLE)
    np.testing.assert_array_equal(parted, clean_up(to_mask(blobs()), steps, blobs()))
    assert (parted != clean_up(to_mask(blobs()), steps)).any()


def test_without_a_proposal_a_shrunken_view_is_background() -> None:
    cleaned = MaskView(LabelPlane(SHAPE), None).cleaned(Box(0, 0, 37, 42), shrink=8)
    assert cleaned.shape == (37, 42)
    assert not cleaned.any()


@pytest.mark.parametrize(
    ("step", "shrink", "expected"),
    [
        (Step("dilate", 8, 2), 4, (Step("dilate", 2, 2),)),
        (Step("remove-small", 64), 4, (Step("remove-small", 4),)),
        (Step("fill-holes", 0), 16, (Step("fill-holes", 0),)),
        (Step("fill-holes", 64), 16, ()),
        (Step("open", 2), 16, ()),
        (Step("open", 3), 1, (Step("open", 3),)),
        (Step("watershed", 1, 2, 0.1), 4, (Step("watershed", 0.25, 2, 0.1),)),
        (Step("watershed-distance", 3, height=2), 4, (Step("watershed-distance", 0.75, height=0.5),)),
    ],
    ids=str,
)
def test_steps_shrink_with_the_plane_and_go_when_too_small_to_see(
    step: Step, shrink: int, expected: tuple[Step, ...]
) -> None:
    assert shrunken_steps([step], shrink) == expected


def test_the_order_of_the_recipe_is_kept() -> None:
    cleaned = cleaned_mask(blobs(), 0.5, [Step("erode", 2), Step("dilate", 2)])
    np.testing.assert_array_equal(
        cleaned, clean_up(clean_up(to_mask(blobs()), [Step("erode", 2)]), [Step("dilate", 2)])
    )


def test_a_proposal_is_left_as_it_is_by_a_clean_up(proposal: Proposal) -> None:
    MaskView(LabelPlane(SHAPE), proposal, steps=(Step("dilate", 5),)).cleaned(WHOLE)
    np.testing.assert_array_equal(proposal.read(WHOLE), blobs())


def test_a_proposal_of_one_class_is_read_as_one(tmp_path: Path) -> None:
    values = blobs(1)
    write_proposal(proposal_file(tmp_path, "model", PLANE), SHAPE, 1, [(0, values)], stamp="1-1")
    view = MaskView(LabelPlane(SHAPE), find_proposal(tmp_path, "model", PLANE), threshold=0.3)
    np.testing.assert_array_equal(view.read(WHOLE), values[..., 0] > 0.3 * 255)
