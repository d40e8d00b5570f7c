"""What a training can and can't learn is said before it begins; each sentence is brought about here."""

from dataclasses import replace

import numpy as np
import pytest

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import ClassCounts
from unet_studio.core.scoring.lesson import Basis, LabelledOf, check_can_learn, describe_lesson, read_lesson
from unet_studio.errors import StudioError

CORRECTED, REVIEWED = PlaneState.CORRECTED, PlaneState.REVIEWED
CLASSES = ("background", "nucleus")
THREE = (*CLASSES, "membrane")


def labelled(
    slide: str, *, state: PlaneState = CORRECTED, in_bulk: bool = False, pixels: int = 10_000, **of_class: int
) -> LabelledOf:
    return LabelledOf(slide, ClassCounts(pixels, state, {int(c[1:]): n for c, n in of_class.items()}), in_bulk)


def learned(*teaching: LabelledOf, classes: tuple[str, ...] = CLASSES, has_start: bool = True) -> str:
    return " ".join(describe_lesson(Basis(classes, teaching, has_start=has_start)).learned)


def judged(*judging: LabelledOf, held_out: tuple[str, ...] = ("b.png", "c.png")) -> str:
    basis = Basis(CLASSES, (labelled("a.png", c0=900, c1=900),), held_out, judging)
    return " ".join(describe_lesson(basis).judged)


# From a model


def test_taking_away_alone() -> None:
    sentence = (
        "You only took things away. The new model will be careful where it found things before; some strokes of "
        "nucleus would teach it more."
    )
    assert learned(labelled("a.png", c0=900)) == sentence
    assert learned(labelled("a.png", c0=900), labelled("b.png", state=REVIEWED, c0=10_000)) == sentence
    assert "some strokes of nucleus or membrane" in learned(labelled("a.png", c0=900), classes=THREE)


def test_adding_alone() -> None:
    text = learned(labelled("a.png", c1=900))
    assert text.startswith("You only added. The new model will find more like it; taking away what is wrong")
    assert learned(labelled("a.png", c1=900), classes=THREE).endswith(
        "No membrane is labelled, so it learns nothing new about that."
    )


def test_empty_slides_alone() -> None:
    text = learned(labelled("a.png", state=REVIEWED, c0=10_000))
    assert text.startswith("You only reviewed slides without any nucleus. The new model learns where there is none;")


def test_both() -> None:
    text = learned(labelled("a.png", c0=900), labelled("b.png", c1=900))
    assert text == "It learns background and nucleus from 2 slides."
    assert learned(labelled("a.png", c0=9, c1=900, c2=9), classes=THREE) == (
        "It learns background, nucleus and membrane from 1 slide."
    )


def test_few_pixels() -> None:
    assert "Only 30 pixels are labelled, which is little to learn from" in learned(labelled("a.png", c0=10, c1=20))
    assert "Only" not in learned(labelled("a.png", c0=300, c1=200))


# A first model


@pytest.mark.parametrize(("index", "knows", "paint"), [(0, "background", "nucleus"), (1, "nucleus", "background")])
def test_a_first_model_that_would_know_one_class_is_refused(index: int, knows: str, paint: str) -> None:
    teaching = (labelled("a.png", **{f"c{index}": 900}), labelled("d.png", **{f"c{index}": 900}))
    both = labelled("b.png", state=REVIEWED, c0=5000, c1=5000)
    lesson = describe_lesson(Basis(CLASSES, teaching, ("b.png",), (both,), has_start=False))
    assert lesson.refusal == (
        f"A first model would know only {knows}, and see it everywhere. Paint some {paint} too, on a.png and d.png "
        "or another slide that isn't held out."
    )
    assert lesson.learned == ()
    assert not describe_lesson(Basis(CLASSES, teaching)).refusal, "a model that is there already may learn from it"


def test_what_a_first_model_learns() -> None:
    assert learned(labelled("a.png", c0=900, c1=900), has_start=False) == (
        "It learns to tell background and nucleus apart, from 1 slide."
    )
    assert "No background is labelled, so it will find something everywhere" in learned(
        labelled("a.png", c1=900, c2=900), classes=THREE, has_start=False
    )
    assert "No membrane is labelled, so it won't find any." in learned(
        labelled("a.png", c0=900, c1=900), classes=THREE, has_start=False
    )


# Nothing to learn from


def test_nothing_labelled() -> None:
    assert describe_lesson(Basis(CLASSES)).refusal.startswith("Nothing is labelled yet, so there is nothing to learn")
    audit = (labelled("a.png", c0=1),)
    assert "yet outside the audit sample" in describe_lesson(Basis(CLASSES, audit=audit)).refusal


def test_everything_held_out() -> None:
    basis = Basis(CLASSES, held_out=("a.png",), judging=(labelled("a.png", c0=1),))
    assert describe_lesson(basis).refusal.startswith("Every labelled slide is on the hold-out")


# What judges


def test_no_hold_out() -> None:
    assert judged(held_out=()) == (
        "1 slide teaches; 0 are held out, and 0 of them judge. No slide is held out, so no comparison of old and new "
        "is possible. Hold out one that you haven't labelled."
    )


def test_held_out_slides_that_nobody_reviewed() -> None:
    assert judged() == (
        "1 slide teaches; 2 are held out, and 0 of them judge. "
        "No held-out slide can judge yet: review b.png as a whole to have models judged."
    )
    assert "review c.png as a whole" in judged(labelled("c.png", c0=100, c1=100)), "the one that was begun"


def test_a_hold_out_without_a_class() -> None:
    empty = labelled("c.png", state=REVIEWED, c0=10_000)
    assert judged(empty).endswith("The hold-out has no nucleus yet: label some on b.png to have models judged.")
    assert "label some on c.png" in judged(empty, held_out=("c.png",))


def test_a_hold_out_that_can_judge() -> None:
    both = labelled("b.png", state=REVIEWED, c0=9000, c1=1000)
    assert judged(both, held_out=("b.png",)) == "1 slide teaches; 1 is held out, and 1 of them judges."
    assert "1 of them judges" in judged(labelled("b.png", c0=4000, c1=1000), held_out=("b.png",)), "mostly labelled"
    assert "0 of them judge" in judged(labelled("b.png", c0=4000, c1=999), held_out=("b.png",))


def test_what_was_accepted_in_bulk_does_not_count() -> None:
    both = labelled("b.png", state=REVIEWED, c0=2000, c1=1000)
    bulk = labelled("c.png", in_bulk=True, c0=20_000, c1=8000, pixels=28_000)
    text = judged(both, bulk)
    assert "2 are held out, and 1 of them judges" in text
    assert "Of 31,000 held-out pixels 28,000 were accepted many planes at once and don't count; review c.png" in text
    assert "0 of them judge" in judged(bulk)
    assert "1 of them judges" in judged(replace(bulk, in_bulk=False))


# What a person may do something about


def test_advice_is_what_asks_for_something() -> None:
    both = labelled("b.png", state=REVIEWED, c0=9000, c1=1000)
    lesson = describe_lesson(Basis(CLASSES, (labelled("a.png", c0=900, c1=900),), ("b.png", "c.png"), (both,)))
    assert lesson.advice == ()
    assert (lesson.teaching, lesson.held_out, lesson.judging) == (1, 2, 1)
    lesson = describe_lesson(Basis(CLASSES, (labelled("a.png", c0=90),), ("b.png",)))
    assert [sentence.partition(" ")[0] for sentence in lesson.advice] == ["You", "Only", "No"]
    assert (*lesson.learned, *lesson.judged[1:]) == lesson.advice
    refused = describe_lesson(Basis(CLASSES, held_out=("a.png",), judging=(labelled("a.png", c0=1),)))
    assert (refused.advice, refused.teaching, refused.held_out) == ((), 0, 1)


# On a project


def test_it_is_read_of_a_project_with_the_hold_out_that_would_be_drawn(project: Project, paint, truths) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StudioError, match="Nothing is labelled yet"):
        check_can_learn(project, has_start=True)
    for slide in ("a.png", "b.png"):
        paint(slide, truths[slide])
    lesson = check_can_learn(project, has_start=True)
    assert lesson.learned == ("It learns background and spot from 1 slide.",)
    assert lesson.judged[0] == "1 slide teaches; 1 is held out, and 1 of them judges."
    assert project.hold_out() == frozenset(), "nothing is drawn before a training"


def test_a_first_model_of_background_alone_is_refused_on_a_project(project: Project, paint) -> None:  # type: ignore[no-untyped-def]
    labels = np.full((64, 64), UNLABELLED, np.uint8)
    labels[:20] = 0
    paint("a.png", labels)
    assert "know only background" in read_lesson(project, has_start=False).refusal
    with pytest.raises(StudioError, match=r"Paint some spot too, on a\.png"):
        check_can_learn(project, has_start=False)
    assert check_can_learn(project, has_start=True).learned[0].startswith("You only took things away.")
    project.set_audit(["a.png"])
    assert "outside the audit sample" in read_lesson(project, has_start=True).refusal
    assert PlaneId("a.png") in project.states()
