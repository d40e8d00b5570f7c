"""Effort leaves pauses out, and counts each time for the slide of the later edit."""

from datetime import UTC, datetime, timedelta

from unet_studio.core.project.stored_edits import TimedEdit
from unet_studio.core.reporting.effort import measure_effort

START = datetime(2024, 5, 1, 12, tzinfo=UTC)


def edits(*made: tuple[float, str]) -> list[TimedEdit]:
    return [TimedEdit(START + timedelta(seconds=at), frozenset(slides.split())) for at, slides in made]


def test_time_between_edits_counts_for_the_later_ones_slide_unless_it_is_a_pause() -> None:
    found = measure_effort(edits((0, "a"), (10, "a"), (25, "b"), (3600, "b"), (3610, "b")))
    assert [(one.slide, one.edits, one.seconds) for one in found] == [("a", 2, 10), ("b", 3, 25)]
    assert found[1].begun == START + timedelta(seconds=25)


def test_edits_of_many_slides_or_of_none_are_no_slides_work() -> None:
    found = measure_effort(edits((0, "a b"), (5, ""), (15, "a")))
    assert [(one.slide, one.edits, one.seconds) for one in found] == [("a", 1, 10)]


def test_a_clock_that_was_set_back_takes_no_work_away() -> None:
    assert [one.seconds for one in measure_effort(edits((100, "a"), (40, "a"), (45, "a")))] == [5]
