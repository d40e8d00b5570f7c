"""The audit sample is drawn at random from what nobody labelled, and only grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.project.audit import choose_audit, draw_audit
from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError

SLIDES = [f"s{number:03d}.png" for number in range(40)]


@given(st.integers(15, 40), st.integers(0, 99))
def test_one_slide_in_ten_is_drawn_and_three_at_the_least(slides: int, seed: int) -> None:
    drawn = choose_audit(SLIDES[:slides], (), taken=(), seed=seed)
    assert drawn <= set(SLIDES[:slides])
    assert len(drawn) == max(3, round(slides / 10))
    assert drawn == choose_audit(SLIDES[:slides][::-1], (), taken=(), seed=seed), "the order of the slides is no matter"


@given(st.sets(st.sampled_from(SLIDES)), st.sets(st.sampled_from(SLIDES)), st.integers(1, 40))
def test_it_is_drawn_from_what_is_left_or_not_at_all(taken: set[str], audit: set[str], number: int) -> None:
    left = {*SLIDES} - taken - audit
    if number > len(left):
        with pytest.raises(StudioError, match=f"{len(left)} of 40 are neither labelled"):
            choose_audit(SLIDES, audit, taken=taken, number=number)
    else:
        drawn = choose_audit(SLIDES, audit, taken=taken, number=number)
        assert len(drawn) == number
        assert drawn <= left


def test_every_slide_is_drawn_about_equally_often() -> None:
    counts = dict.fromkeys(SLIDES, 0)
    for seed in range(1000):
        for slide in choose_audit(SLIDES, (), taken=(), seed=seed):
            counts[slide] += 1
    assert 60 <= min(counts.values()) <= max(counts.values()) <= 145  # 100 expected, standard deviation 9.5


def test_of_few_slides_none_is_drawn_unless_asked_for() -> None:
    with pytest.raises(StudioError, match="too few to keep some apart"):
        choose_audit(SLIDES[:14], (), taken=())
    assert len(choose_audit(SLIDES[:14], (), taken=(), number=2)) == 2


def test_what_is_drawn_already_counts() -> None:
    first = choose_audit(SLIDES, (), taken=())
    with pytest.raises(StudioError, match="already"):
        choose_audit(SLIDES, first, taken=())
    assert len(choose_audit(SLIDES, list(first)[:1], taken=())) == 3


def test_labelled_and_held_out_slides_stay_out_of_it(project: Project, paint, truths) -> None:  # type: ignore[no-untyped-def]
    paint("a.png", truths["a.png"])
    project.add_hold_out(["b.png"])
    project.mark_learned(["sub/c.png"])  # its labels were taken back since
    with pytest.raises(StudioError, match="0 of 3 are neither labelled"):
        draw_audit(project, list(truths), number=1)
    project.set_setting("learned", "[]")
    assert draw_audit(project, list(truths), number=1) == {"sub/c.png"}
    assert project.audit() == {"sub/c.png"}
    with Project.open(project.folder) as again:
        assert again.audit() == {"sub/c.png"}


def test_the_hold_out_is_never_drawn_from_it(project: Project, paint, truths) -> None:  # type: ignore[no-untyped-def]
    from unet_studio.core.project.hold_out import keep_slides_out

    project.set_audit(["a.png", "b.png"])
    for slide, truth in truths.items():
        paint(slide, truth)
    keep_slides_out(project)
    assert not project.hold_out() & project.audit()


def test_a_damaged_one_is_said_so(project: Project) -> None:
    project.set_setting("audit", "[")
    with pytest.raises(StudioError, match="is damaged"):
        project.audit()
