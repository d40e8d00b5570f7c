"""Masks in colour: on the canvas, and laid over a slide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.figures.mask_colours import blend_overlay, colour_table, outline
from unet_studio.errors import MaskError


def test_colours_come_as_blue_green_red_and_alpha_times_the_opacity() -> None:
    classes = (*make_classes("a"), LabelClass(2, "b", (10, 20, 200)))
    table = colour_table(classes, hidden=frozenset(), opacity=0.5)
    assert table.shape == (256, 4)
    assert table[2].tolist() == [100, 10, 5, 128]


def test_background_hidden_classes_and_unlabelled_pixels_are_clear() -> None:
    table = colour_table(make_classes("a", "b", "c"), hidden=frozenset({2}), opacity=1.0)
    assert [index for index in range(256) if table[index].any()] == [1, 3]
    assert not table[UNLABELLED].any()


@given(
    hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.sampled_from([0, 1, 2, UNLABELLED])
    )
)
def test_an_outline_is_where_a_neighbour_is_of_another_class(mask: NDArray[np.uint8]) -> None:
    around = np.pad(mask, 1, mode="edge")
    neighbours = around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]
    expected = np.any([neighbour != mask for neighbour in neighbours], axis=0) & (mask != UNLABELLED)
    np.testing.assert_array_equal(outline(mask), expected)


def test_overlay_blends_inside_and_outlines_the_edge() -> None:
    slide = np.full((6, 8, 3), 100, np.uint8)
    mask = np.zeros((6, 8), np.uint8)
    mask[:, 3:] = 1
    mask[:2, 6:] = 255
    mask[5, 0] = 9
    colours = np.array([(9, 9, 9), (200, 0, 100)], np.uint8)
    found = blend_overlay(slide, mask, colours, 0.5)
    assert found.dtype == np.uint8
    assert (found[mask != 1] == 100).all()
    assert (found[:, 3] == (200, 0, 100)).all(), "the outline lies inside the class"
    assert found[3, 5].tolist() == [150, 50, 100]
    assert found[5, 7].tolist() == [150, 50, 100], "the edge of the plane is no outline"
    with pytest.raises(MaskError, match="they must be the same"):
        blend_overlay(slide, mask[:5], colours, 0.5)
