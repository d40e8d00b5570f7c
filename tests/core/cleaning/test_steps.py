"""The text of a clean-up's steps: read, written, and refused with a sentence that quotes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.cleaning.steps import LARGEST_RADIUS, WATERSHEDS, Step, format_steps, parse_steps
from unet_studio.errors import RecipeError

classes = st.sampled_from([None, 1, 2, 253])
disc_steps = st.builds(Step, st.sampled_from(["dilate", "erode", "open", "close"]), st.integers(1, 4), classes)
area_steps = st.builds(Step, st.sampled_from(["fill-holes", "remove-small"]), st.integers(1, 30), classes)
watershed_steps = st.builds(
    Step,
    st.sampled_from(WATERSHEDS),
    st.integers(0, 30).map(lambda tenths: tenths / 10),
    classes,
    st.integers(1, 100).map(lambda hundredths: hundredths / 100),
)
any_steps = st.one_of(disc_steps, area_steps, watershed_steps)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("  ", ()),
        ("dilate:2", (Step("dilate", 2),)),
        ("dilate:disk:2", (Step("dilate", 2),)),
        (
            "open:disk:2, fill-holes:64, remove-small:64@1",
            (Step("open", 2), Step("fill-holes", 64), Step("remove-small", 64, 1)),
        ),
        ("fill-holes:0@253", (Step("fill-holes", 0, 253),)),
        ("watershed:1:0.1", (Step("watershed", 1, height=0.1),)),
        ("watershed-distance:0.5:2@1", (Step("watershed-distance", 0.5, 1, 2),)),
        ("crf:3:10:0.15", (Step("crf", 10, weight=3, colour=0.15),)),
    ],
)
def test_steps_are_read(text: str, steps: tuple[Step, ...]) -> None:
    assert parse_steps(text) == steps


@given(st.lists(any_steps).map(tuple))
def test_what_is_formatted_is_read_back(steps: tuple[Step, ...]) -> None:
    assert parse_steps(format_steps(steps)) == steps


def test_a_step_of_morphology_takes_whole_pixels() -> None:
    with pytest.raises(RecipeError, match=r"needs 1 or more whole pixels, not 1\.5\."):
        Step("dilate", 1.5)


def test_discs_are_named_when_formatted() -> None:
    assert format_steps([Step("open", 2), Step("remove-small", 64, 1)]) == "open:disk:2,remove-small:64@1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dilat:2", "Did you mean “dilate”?"),
        ("sharpen:2", "The operations are dilate, erode, open, close, fill-holes, remove-small, watershed"),
        ("open:2,,close:2", "no clean-up operation “”"),
        ("open", "expected open:disk:RADIUS"),
        ("open:square:2", "“open:square:2”"),
        ("fill-holes:disk:2", "expected fill-holes:AREA"),
        ("remove-small:-4", "with whole numbers"),
        ("erode:1.5", "with whole numbers"),
        ("erode:2@cell", "erode:disk:RADIUS@CLASS"),
        ("erode:2@", "with whole numbers"),
        ("dilate:0", "dilate needs 1 or more whole pixels, not 0. (in “dilate:0”)"),
        (f"dilate:{LARGEST_RADIUS + 1}", f"up to {LARGEST_RADIUS} pixels"),
        ("remove-small:0", "needs 1 or more"),
        ("open:2@0", "can't be for class 0"),
        ("watershed", "expected watershed:SIGMA:HEIGHT"),
        ("watershed:1", "or watershed:SIGMA:HEIGHT@CLASS for one class only, with numbers such as 1 or 0.1."),
        ("watershed:1:.1", "with numbers such as 1 or 0.1"),
        ("watershed:1:0.1@cell", "watershed:SIGMA:HEIGHT@CLASS"),
        ("watershed:51:0.1", "smooths by 0 to 50 pixels, not 51."),
        ("watershed:1:0", "a probability above 0, up to 1, not 0."),
        ("watershed-boundary:1:1.5", "a probability above 0, up to 1, not 1.5. (in “watershed-boundary:1:1.5”)"),
        ("watershed-distance:1:101", "pixels above 0, up to 100, not 101."),
        ("watersheds:1:0.1", "Did you mean “watershed”?"),
        ("open:2@254", "classes run from 1 to 253"),
        ("crf", "expected crf:WEIGHT:PIXELS:COLOUR, with numbers such as 1 or 0.1."),
        ("crf:3:10", "expected crf:WEIGHT:PIXELS:COLOUR"),
        ("crf:3:10:0.1:1", "expected crf:WEIGHT:PIXELS:COLOUR"),
        ("crf:0:10:0.1", "a weight above 0, up to 100, not 0."),
        ("crf:101:10:0.1", "a weight above 0, up to 100, not 101."),
        ("crf:3:0.5:0.1", "within 1 to 50 pixels, not 0.5."),
        ("crf:3:51:0.1", "within 1 to 50 pixels, not 51."),
        ("crf:3:10:0", "from 0.01 to 1, a share of the slide's contrast, not 0."),
        ("crf:3:10:1.5", "from 0.01 to 1, a share of the slide's contrast, not 1.5. (in “crf:3:10:1.5”)"),
        ("crf:3:10:0.1@1", "for all classes at once; leave out the class. (in “crf:3:10:0.1@1”)"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_steps(text)
    assert said in str(caught.value)
