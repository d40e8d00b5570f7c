"""The audit sample: slides drawn at random and kept apart, on which the masks can be judged without bias."""

from collections.abc import Collection, Sequence

import numpy as np

from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError

_ONE_IN = 10
_LEAST = 3
_ENOUGH_SLIDES = 15
"""Of fewer slides none is drawn unless a person says how many: too few would be left to learn from."""


def draw_audit(project: Project, slides: Sequence[str], *, number: int | None = None, seed: int = 0) -> frozenset[str]:
    """Draw slides at random into a project's audit sample; returns those that are new in it.

    Without a `number` so many are drawn that one slide in ten is in it, at least 3 where there are 15 slides or more.
    Slides are drawn from those that nobody labelled and that aren't held out: a model may have learned from the others.
    No model ever learns from a slide of the sample, or is chosen by it. Raises `StudioError` where none can be drawn.
    """
    drawn = choose_audit(slides, project.audit(), taken=unfit_for_audit(project), number=number, seed=seed)
    project.set_audit(project.audit() | drawn)
    return drawn


def unfit_for_audit(project: Project) -> frozenset[str]:
    """The slides that can't join an audit sample: labelled ones, those that a model learned from, and held-out ones."""
    labelled = frozenset(plane.slide for plane in project.states())
    return labelled | project.hold_out() | (project.learned() or frozenset())


def choose_audit(
    slides: Sequence[str], audit: Collection[str], *, taken: Collection[str], number: int | None = None, seed: int = 0
) -> frozenset[str]:
    """Slides to add to an audit sample; see `draw_audit`. `taken` are those that can't be in it."""
    free = sorted({*slides} - {*audit} - {*taken})
    if number is None:
        if len(slides) < _ENOUGH_SLIDES:
            raise StudioError(
                f"The folder has {len(slides)} slides, too few to keep some apart: from {_ENOUGH_SLIDES} on one in ten "
                "is drawn. To do it all the same, say how many: 'unet-studio audit FOLDER --draw 2'."
            )
        number = max(_LEAST, round(len(slides) / _ONE_IN)) - len({*audit} & {*slides})
        if number <= 0:
            raise StudioError(f"One slide in {_ONE_IN} is in the audit sample already. Nothing was drawn.")
    if number > len(free):
        raise StudioError(
            f"{number} slides can't be drawn: {len(free)} of {len(slides)} are neither labelled, held out nor drawn "
            "already. Draw the sample before you label, or draw fewer."
        )
    return frozenset(str(slide) for slide in np.random.default_rng(seed).choice(free, number, replace=False))
