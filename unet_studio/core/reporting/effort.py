"""Effort: how much work went into each slide, from the times of its edits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from unet_studio.core.project.stored_edits import TimedEdit

PAUSE_SECONDS = 60.0
"""A longer time without an edit is a pause and counts as no work."""


@dataclass(frozen=True, slots=True)
class SlideEffort:
    """Edits of one slide, and the seconds of work that they took with pauses left out."""

    slide: str
    begun: datetime
    edits: int
    seconds: float


def measure_effort(edits: Iterable[TimedEdit]) -> tuple[SlideEffort, ...]:
    """The effort of each slide, in the order in which a person took them up.

    The time from one edit to the next counts for the slide of the later one, unless it is a pause. So the first edit
    after a pause counts no time: what is said is the least. An edit of several slides at once, such as accepting all
    proposals, is none of a slide's work.
    """
    found: dict[str, SlideEffort] = {}
    before: datetime | None = None
    for edit in edits:
        gap = (edit.time - before).total_seconds() if before is not None else 0.0
        before = edit.time
        if len(edit.slides) != 1:
            continue
        (slide,) = edit.slides
        known = found.get(slide, SlideEffort(slide, edit.time, 0, 0.0))
        worked = gap if 0 < gap <= PAUSE_SECONDS else 0.0
        found[slide] = SlideEffort(slide, known.begun, known.edits + 1, known.seconds + worked)
    return tuple(found.values())
