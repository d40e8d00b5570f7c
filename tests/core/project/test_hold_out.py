"""The hold-out grows by whole slides, never shrinks, and always leaves something to train on."""

from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.hold_out import extend_hold_out
from unet_studio.core.project.stored_labels import LabelledPlane


def labelled(slide: str, share: float = 1.0, plane: int = 0) -> LabelledPlane:
    return LabelledPlane(PlaneId(slide, plane), (10, 10), PlaneState.CORRECTED, {(0, 0): round(100 * share)})


slide_names = st.sets(st.text("abcdefgh/", min_size=1, max_size=6), max_size=40)


@given(slide_names, st.data())
def test_about_one_labelled_slide_in_five_is_held_out_and_one_is_left_to_train_on(
    slides: set[str], data: st.DataObject
) -> None:
    chosen = frozenset(data.draw(st.sets(st.sampled_from(sorted(slides)))) if slides else ())
    new = extend_hold_out([labelled(slide) for slide in slides], chosen)
    assert new <= slides - chosen
    if new:
        held_out = chosen | new
        assert len(held_out) == max(1, round(len(slides) / 5))
        assert slides - held_out
    elif len(slides) > 1:
        assert len(chosen) >= max(1, round(len(slides) / 5))


def test_one_labelled_slide_is_trained_on() -> None:
    assert extend_hold_out([labelled("a")], frozenset()) == frozenset()


def test_of_two_labelled_slides_one_is_held_out() -> None:
    assert len(extend_hold_out([labelled("a"), labelled("b")], frozenset())) == 1


def test_planes_of_one_slide_stay_together() -> None:
    stack = [labelled("stack", plane=number) for number in range(50)]
    assert extend_hold_out(stack, frozenset()) == frozenset()
    assert len(extend_hold_out([*stack, labelled("other")], frozenset())) == 1


def test_well_labelled_slides_are_held_out_before_those_with_a_few_strokes() -> None:
    planes = [labelled(f"strokes{number}", 0.1) for number in range(8)] + [labelled("full1"), labelled("full2", 0.6)]
    assert extend_hold_out(planes, frozenset()) == {"full1", "full2"}


def test_a_slide_counts_as_well_labelled_by_its_best_plane() -> None:
    planes = [labelled("stack", 0.05, plane=0), labelled("stack", 0.9, plane=1), labelled("a", 0.1), labelled("b", 0.1)]
    assert extend_hold_out(planes, frozenset()) == {"stack"}


def test_the_choice_does_not_depend_on_the_order_in_which_slides_were_labelled() -> None:
    planes = [labelled(f"slide{number}.png") for number in range(20)]
    assert extend_hold_out(planes, frozenset()) == extend_hold_out(planes[::-1], frozenset())


def test_slides_on_the_hold_out_that_are_no_longer_labelled_do_not_count() -> None:
    assert extend_hold_out([labelled("a"), labelled("b")], frozenset({"gone"})) < {"a", "b"}


@given(slide_names)
def test_a_second_choice_without_new_labels_adds_nothing(slides: set[str]) -> None:
    planes = [labelled(slide) for slide in slides]
    assert extend_hold_out(planes, extend_hold_out(planes, frozenset())) == frozenset()
