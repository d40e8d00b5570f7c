"""The hold-out is drawn once, of all slides, in groups; it never shrinks, and what was learned from never joins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.project.hold_out import Pool, SlideLabels, draw, keep_slides_out, plan_hold_out
from unet_studio.core.project.store import Project

Paint = Callable[[str, NDArray[np.uint8]], None]
BOTH = frozenset({0, 1})


def pool_of(slides: int, labelled: int = 0, *, groups: int | None = None, share: float = 1.0) -> Pool:
    """Slides in so many groups (each its own, if None), the first `labelled` of them with both classes."""
    names = [f"s{number:03d}.png" for number in range(slides)]
    group = {name: name if groups is None else f"g{number % groups}" for number, name in enumerate(names)}
    return Pool(group, {name: SlideLabels(share, BOTH) for name in names[:labelled]})


@st.composite
def pools(draw_: st.DrawFn) -> Pool:
    pool = pool_of(draw_(st.integers(0, 40)), groups=draw_(st.one_of(st.none(), st.integers(1, 12))))
    slides = sorted(pool.groups)
    some = st.sets(st.sampled_from(slides)) if slides else st.just(set())
    share, classes = st.floats(0.01, 1), st.sets(st.integers(0, 2), min_size=1)
    labels = {slide: SlideLabels(draw_(share), frozenset(draw_(classes))) for slide in draw_(some)}
    held = frozenset(draw_(some))
    is_first = draw_(st.booleans())
    learned = frozenset() if is_first else frozenset(labels) - held - draw_(some)
    return replace(pool, labels=labels, held=held, learned=learned, declined=draw_(some) - held, is_first=is_first)


@given(pools())
def test_what_was_learned_from_never_joins_and_groups_stay_whole(pool: Pool) -> None:
    drawn = draw(pool)
    assert drawn <= pool.groups.keys() - pool.held - pool.learned - pool.declined
    shut = {pool.groups[slide] for slide in pool.learned | pool.declined}
    touched = {pool.groups[slide] for slide in pool.held}
    for slide in drawn:
        assert pool.groups[slide] not in shut - touched
        together = {other for other, group in pool.groups.items() if group == pool.groups[slide]}
        assert together - pool.learned - pool.declined <= drawn | pool.held


@given(pools())
def test_a_labelled_group_is_always_left_and_no_class_is_lost_to_it(pool: Pool) -> None:
    drawn = draw(replace(pool, held=frozenset()))
    left = {slide: labels for slide, labels in pool.labels.items() if slide not in drawn}
    assert not pool.labels or left
    assert {c for labels in left.values() for c in labels.classes} == {
        c for labels in pool.labels.values() for c in labels.classes
    }


@given(pools())
def test_a_second_draw_without_new_slides_or_labels_adds_nothing(pool: Pool) -> None:
    held = pool.held | draw(pool)
    learned = frozenset(pool.labels) - held
    assert not draw(replace(pool, held=held, learned=learned, is_first=False)) & pool.labels.keys()
    grown = held | draw(replace(pool, held=held, learned=learned, is_first=False))
    assert not draw(replace(pool, held=grown, learned=learned, is_first=False))


@given(pools(), st.randoms())
def test_the_draw_does_not_depend_on_any_order(pool: Pool, random: object) -> None:
    slides = list(pool.groups)
    random.shuffle(slides)  # type: ignore[attr-defined]
    assert draw(replace(pool, groups={slide: pool.groups[slide] for slide in slides})) == draw(pool)


@given(st.integers(2, 100), st.data())
def test_about_one_slide_in_five_is_drawn_and_one_labelled_in_five(slides: int, data: st.DataObject) -> None:
    labelled = data.draw(st.integers(0, slides))
    pool = pool_of(slides, labelled)
    drawn = draw(pool)
    assert abs(len(drawn) - slides / 5) <= 1
    wanted = max(1, round(labelled / 5)) if labelled > 1 else 0
    assert len(drawn & pool.labels.keys()) == wanted


def test_one_slide_alone_is_learned_from() -> None:
    assert draw(pool_of(1, 1)) == frozenset()


def test_of_two_labelled_slides_one_is_held_out() -> None:
    assert len(draw(pool_of(2, 2))) == 1


def test_the_one_labelled_slide_stays_to_be_learned_from() -> None:
    drawn = draw(pool_of(20, 1))
    assert len(drawn) == 4
    assert "s000.png" not in drawn


def test_slides_of_a_group_are_held_out_together() -> None:
    pool = pool_of(20, 20, groups=4)
    drawn = draw(pool)
    assert len(drawn) == 5
    assert len({pool.groups[slide] for slide in drawn}) == 1


def test_well_labelled_slides_come_before_those_with_a_few_strokes() -> None:
    pool = pool_of(10, 10, share=0.1)
    labels = {**pool.labels, "s004.png": SlideLabels(1.0, BOTH), "s007.png": SlideLabels(0.6, BOTH)}
    assert draw(replace(pool, labels=labels)) == {"s004.png", "s007.png"}


def test_the_only_slide_with_a_class_is_not_held_out() -> None:
    labels = {"s000.png": SlideLabels(1.0, BOTH), "s001.png": SlideLabels(0.1, frozenset({0}))}
    assert draw(replace(pool_of(2), labels=labels)) == {"s001.png"}
    labels = {"s000.png": SlideLabels(0.1, frozenset({1})), "s001.png": SlideLabels(0.1, frozenset({0}))}
    assert draw(replace(pool_of(2), labels=labels)) == frozenset(), "what is left could not tell the two apart"


def test_later_a_first_labelled_group_joins_where_none_is_held_out() -> None:
    pool = replace(pool_of(10, 3), held=frozenset({"s008.png", "s009.png"}), is_first=False)
    joined = draw(replace(pool, learned=frozenset({"s000.png"})))
    assert len(joined) == 1
    assert joined < {"s001.png", "s002.png"}
    assert draw(replace(pool, learned=frozenset(pool.labels))) == frozenset(), "all of them were learned from"
    assert draw(replace(pool, held=pool.held | {"s000.png"}, learned=frozenset({"s001.png"}))) == frozenset()


def test_as_the_folder_grows_unlabelled_groups_keep_the_share() -> None:
    small = pool_of(10, 10)
    held = draw(small)
    learned = frozenset(small.groups) - held
    grown = replace(pool_of(20), labels=small.labels, held=held, learned=learned, is_first=False)
    joined = draw(grown)
    assert len(held | joined) == 4
    assert not joined & small.groups.keys()


def test_what_a_person_let_go_is_not_replaced() -> None:
    pool = pool_of(20, 4)
    held = draw(pool)
    gone = next(iter(held - pool.labels.keys()))
    later = replace(pool, held=held - {gone}, learned=frozenset(pool.labels) - held, declined=frozenset({gone}))
    assert draw(replace(later, is_first=False)) == frozenset()


def test_a_new_slide_of_a_held_out_subfolder_joins_it() -> None:
    pool = Pool({"a/1.png": "a", "a/2.png": "a", "b/1.png": "b", "c/1.png": "c"}, held=frozenset({"a/1.png"}))
    assert draw(replace(pool, is_first=False)) == {"a/2.png"}


def test_slides_on_the_hold_out_that_left_the_folder_do_not_count() -> None:
    assert len(draw(replace(pool_of(2, 2), held=frozenset({"gone"})))) == 1


# On a project


@pytest.fixture
def many(folder: Path) -> list[str]:
    """Twelve more slides, in three subfolders."""
    names = [f"m{animal}/m{animal}_{number}.png" for animal in range(3) for number in range(4)]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), np.zeros((64, 64), np.uint8))
    return names


def test_it_is_drawn_of_the_whole_folder_and_frozen(project: Project, paint: Paint, truths, many: list[str]) -> None:  # type: ignore[no-untyped-def]
    paint("a.png", truths["a.png"])
    assert project.learned() is None
    planned = plan_hold_out(project)
    keep_slides_out(project)
    first = project.hold_out()
    assert first == planned
    assert "a.png" not in first
    assert project.learned() == {"a.png"}
    paint(many[0], truths["a.png"])
    keep_slides_out(project)
    assert first <= project.hold_out()


def test_slides_of_a_subfolder_or_a_stated_prefix_stay_together(
    project: Project, paint: Paint, many: list[str]
) -> None:
    full = np.zeros((64, 64), np.uint8)
    full[:9] = 1
    for slide in many:
        paint(slide, full)
    planned = plan_hold_out(project)
    assert planned, "one of three animals and the slides beside them"
    for animal in range(3):
        assert len(planned & {*many[4 * animal : 4 * animal + 4]}) in (0, 4)
    project.set_setting("hold_out_groups", "slide")
    assert len(plan_hold_out(project)) == 3
    project.set_setting("hold_out_groups", "prefix:_")
    assert len(plan_hold_out(project) & {*many}) in (4, 8)


def test_where_nothing_is_left_to_learn_from_nothing_is_drawn(project: Project, paint: Paint, truths) -> None:  # type: ignore[no-untyped-def]
    keep_slides_out(project)
    assert (project.hold_out(), project.learned()) == (frozenset(), None)
    paint("a.png", truths["a.png"])
    project.add_hold_out(["a.png"])
    keep_slides_out(project)
    assert (project.hold_out(), project.learned()) == ({"a.png"}, None)


def test_in_a_project_of_an_earlier_version_what_is_labelled_was_learned_from(
    project: Project,
    paint: Paint,
    truths,
    many: list[str],  # type: ignore[no-untyped-def]
) -> None:
    (project.place / "models" / "retrained-001").mkdir(parents=True)
    for slide in ("a.png", "b.png"):
        paint(slide, truths[slide])
    keep_slides_out(project)
    assert not project.hold_out() & {"a.png", "b.png"}
    assert project.learned() == {"a.png", "b.png"}


def test_unlabelled_pixels_are_no_class(project: Project, paint: Paint) -> None:
    labels = np.full((64, 64), UNLABELLED, np.uint8)
    labels[:4] = 0
    paint("a.png", labels)
    labels[:4] = 1
    paint("b.png", labels)
    assert plan_hold_out(project) <= {"sub/c.png"}, "either is the only one of its class"
