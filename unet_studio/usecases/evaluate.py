"""Evaluating: how well a project's masks agree with true masks made elsewhere."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import boundary_classes
from unet_studio.core.exchange.importing import read_planes
from unet_studio.core.exchange.mask_meaning import choose_table
from unet_studio.core.exchange.mask_values import ValueTable
from unet_studio.core.exchange.pairs import Pair, Pairing, paired
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import Counts, TrueInstances, count
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed


@dataclass(frozen=True, slots=True)
class Scores:
    """How masks agree with the truth; V-Rand, after border thinning, is the mean over planes, the rest is
    pooled over their pixels."""

    dice: float
    iou: float
    pixel_accuracy: float
    v_rand: float


@dataclass(frozen=True, slots=True, eq=False)
class SlideScores:
    """One slide compared plane by plane, or the sentence that says why it could not be."""

    slide: str
    counts: tuple[Counts, ...] = ()
    v_rand: tuple[float, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All slides that have a true mask, in order; fewer where the user asked to stop.

    Attributes:
        slides: those that were compared, or could not be.
        pairing: the slides with and without a true mask, and the masks without a slide.
    """

    slides: tuple[SlideScores, ...]
    pairing: Pairing

    @property
    def is_complete(self) -> bool:
        """Whether the user let it come to its end."""
        return len(self.slides) == len(self.pairing.pairs) + len(self.pairing.clashes)

    @property
    def pooled(self) -> Scores | None:
        """The scores over all slides that could be compared; None if there are none."""
        return pool(self.slides)


def pool(slides: Iterable[SlideScores]) -> Scores | None:
    """The scores over all planes of all slides that could be compared; None if there are none."""
    compared = [slide for slide in slides if slide.counts]
    if not compared:
        return None
    total = reduce(add, (counts for slide in compared for counts in slide.counts))
    known = [score for slide in compared for score in slide.v_rand if not math.isnan(score)]
    v_rand = sum(known) / len(known) if known else math.nan
    return Scores(total.mean_dice, total.mean_iou, total.pixel_accuracy, v_rand)


def evaluate(
    project: Project,
    truth: Path,
    *,
    foreground: str | None = None,
    table: ValueTable | None = None,
    progress: Progress = NO_PROGRESS,
) -> Evaluation:
    """Compare the mask of every slide that has a true one in `truth`.

    True masks are found and read as for an import, and mean what `import_pairs` says. The classes that
    the clean-up recipe takes for boundaries only divide, in V-Rand. A slide that can't be compared is reported with the
    reason. Raises `MaskError` if no slide has a true mask.
    """
    pairing = paired(project.folder, truth)
    if table is None and foreground is None:
        table = choose_table([file for pair in pairing.pairs for file in pair.files], project.classes())
    slides = [SlideScores(slide, problem=sentence) for slide, sentence in pairing.clashes]
    for unclear in slides:
        progress.event(SlideFailed(unclear.slide, unclear.problem))
    for number, pair in enumerate(pairing.pairs):
        if progress.cancelled():
            break
        progress.report(number / len(pairing.pairs), pair.slide)
        slides.append(_evaluate_slide(project, pair, foreground, table))
        if slides[-1].problem:
            progress.event(SlideFailed(pair.slide, slides[-1].problem))
    return Evaluation(tuple(slides), pairing)


def _evaluate_slide(project: Project, pair: Pair, foreground: str | None, table: ValueTable | None) -> SlideScores:
    slide, classes = pair.slide, len(project.classes())
    try:
        planes = read_planes(project.folder, pair, classes=classes, foreground=foreground, table=table)
        box = Box.of_shape(planes.shape[1:])
        masks = [_mask(project, PlaneId(slide, number), box) for number in range(len(planes))]
        counts = tuple(count(true, mask, classes) for true, mask in zip(planes, masks, strict=True))
        boundaries = boundary_classes(project.steps())
        v_rand = tuple(
            TrueInstances(true, boundaries=boundaries).v_rand(mask) for true, mask in zip(planes, masks, strict=True)
        )
        return SlideScores(slide, counts, v_rand)
    except StudioError as error:
        return SlideScores(slide, problem=str(error))


def _mask(project: Project, plane: PlaneId, box: Box) -> NDArray[np.uint8]:
    view = view_plane(project, plane, box.shape)
    if view.proposal is None and not view.labels.is_full:
        raise MaskError(f"Plane {plane.plane + 1} of '{plane.slide}' has no proposal to compare. Propose it first.")
    return view.read(box)
