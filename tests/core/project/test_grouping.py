"""Slides that belong together are on one side of the hold-out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.project.grouping import (
    check_grouping,
    describe_grouping,
    group_slides,
    usual_grouping,
    with_their_groups,
)
from unet_studio.errors import StudioError

NESTED = ("a/1.png", "a/2.png", "b/1.png", "c/x/1.png", "top.png")


def test_three_subfolders_make_groups_and_fewer_dont() -> None:
    assert group_slides(NESTED, "") == dict(zip(NESTED, ("a", "a", "b", "c/x", "top.png"), strict=True))
    few = ("a/1.png", "b/1.png", "b/2.png", "top.png")
    assert group_slides(few, "") == {slide: slide for slide in few}
    assert "fewer than 3 subfolders" in describe_grouping(few, "")
    assert describe_grouping(NESTED, "") == "Slides of one subfolder stay together: 4 groups."


def test_a_stated_prefix_makes_groups_across_subfolders() -> None:
    slides = ("red/m1_a.png", "green/m1_b.png", "m2_a.png", "other.png", "my_data/m2_c.png")
    assert group_slides(slides, "prefix:_") == dict(zip(slides, ("m1_", "m1_", "m2_", "other.png", "m2_"), strict=True))
    assert "up to the first '_' stay together: 3 groups" in describe_grouping(slides, "prefix:_")


def test_a_person_may_say_that_each_slide_is_its_own_group() -> None:
    assert usual_grouping(NESTED) == "subfolder"
    assert group_slides(NESTED, "slide") == {slide: slide for slide in NESTED}
    assert "fewer" not in describe_grouping(NESTED, "slide")


@pytest.mark.parametrize("text", ["slide", "subfolder", "prefix:_", "prefix:--"])
def test_ways_of_grouping_are_accepted(text: str) -> None:
    assert check_grouping(text) == text


@pytest.mark.parametrize("text", ["", "prefix:", "Slide", "folder"])
def test_other_ways_are_refused(text: str) -> None:
    with pytest.raises(StudioError, match="Write slide, subfolder, or for instance prefix:_"):
        check_grouping(text)


@given(
    st.sets(st.text("ab/_", min_size=1, max_size=6), max_size=20),
    st.sampled_from(["", "slide", "subfolder", "prefix:_"]),
    st.data(),
)
def test_whole_groups_are_closed(slides: set[str], grouping: str, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(sorted(slides)))) if slides else set()
    whole = with_their_groups(chosen, slides, grouping)
    assert chosen <= whole <= slides
    assert with_their_groups(whole, slides, grouping) == whole
    group = group_slides(slides, grouping)
    assert not {group[slide] for slide in whole} & {group[slide] for slide in slides - whole}
