"""The simulated annotator: chooses planes, and works on each for as long as a person would."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import review
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import MaskError, ProjectError
from unet_studio.simulation.painting import Pace, Planner, paint, plan_corrections, plan_first_strokes
from unet_studio.simulation.runs import Setup, Way
from unet_studio.simulation.truth import Truths
from unet_studio.simulation.ways import minded_truth
from unet_studio.usecases.reviewing.next_plane import Descriptors, next_plane_in_order

_SMALLEST = 15
_THINNEST = 3
"""Wrong regions of fewer pixels are left, and those that are nowhere this many pixels thick."""
_ONE_IN = 5
"""Who reviews most planes as they are corrects one in so many, the first among them."""
_REVIEWING = (Way.CORRECTIVE, Way.DENSE, Way.REVIEWS_MOST)
"""Ways in which a plane is marked as reviewed once nothing is left to correct."""


class Annotator:
    """A person with a brush, who knows the true classes of the planes to work on.

    `seconds` is the time that it took so far, `edits` how often something was labelled or reviewed, `strokes` how many
    of these were painted. `corrected` has where each plane's proposal was wrong and was painted over, bool (h, w).

    Raises `MaskError` where the person looks only at planes without an object, and there are none.
    """

    def __init__(self, setup: Setup, place: Path, truths: Truths) -> None:
        self.seconds = 0.0
        self.edits = 0
        self.strokes = 0
        self.seen: set[PlaneId] = set()
        self.corrected: dict[PlaneId, NDArray[np.bool_]] = {}
        self._setup = setup
        self._place = place
        self._truths = truths
        self._pace = Pace()
        self._slides = sorted({plane.slide for plane in truths})
        self._descriptors: Descriptors = {}
        self._left_out = {p for p, truth in truths.items() if setup.way is Way.EMPTIES and not _is_empty(truth)}
        if self._left_out == truths.keys():
            raise MaskError(
                "No slide of the pool shows nothing but background, so nobody can review one as empty. Add such slides "
                "with their masks, or simulate another way of working."
            )

    @property
    def shortest(self) -> float:
        """The least seconds that a person needs for a plane: to look at it and for one stroke."""
        return self._pace.slide + self._pace.stroke

    def next_plane(self) -> PlaneId | None:
        """The plane to work on now, the one that the window offers too; None where all were looked at."""
        with Project.open(self._setup.folder, place=self._place) as project:
            return next_plane_in_order(
                project, self._slides, order=self._setup.order, done=self.seen | self._left_out, seed=self._setup.seed,
                descriptors=self._descriptors,
            )  # fmt: skip

    def work_on(self, plane: PlaneId, left: float) -> None:
        """Paint on a plane for as long as a person would, with `left` seconds of work left at most.

        Where nothing is left to correct the person marks the plane as reviewed. Raises ProjectError where the strokes
        can't be written.
        """
        self.seen.add(plane)
        workspace = Workspace.open(self._setup.folder, place=self._place)
        try:
            self._paint(workspace, plane, left)
        finally:
            written = workspace.close()
        if not written:
            raise ProjectError(f"The strokes could not be written to '{self._place}'. Is the disk full?")

    def _paint(self, workspace: Workspace, plane: PlaneId, left: float) -> None:
        truth, way = self._truths[plane], self._setup.way
        box = Box.of_shape(truth.shape)
        labels = workspace.labels(plane, box.shape)
        view = workspace.mask(plane, labels)
        cleaned = view.cleaned(box)
        self.seconds += self._pace.slide
        if way is Way.EMPTIES:
            self._review_as_empty(workspace, plane, labels)
        elif way is Way.REVIEWS_MOST and view.proposal is not None and (len(self.seen) - 1) % _ONE_IN:
            review(workspace, plane, labels)
            self.edits += 1
        elif way is Way.DENSE or view.proposal is not None:
            self._correct(workspace, plane, labels, cleaned, left)
        else:
            self._stroke(workspace, plane, labels, plan_first_strokes(truth), left)
        if view.proposal is not None:
            painted = workspace.labels(plane, box.shape).read(box)
            self.corrected[plane] = (painted != UNLABELLED) & (painted != cleaned)

    def _correct(
        self, workspace: Workspace, plane: PlaneId, labels: LabelPlane, cleaned: NDArray[np.uint8], left: float
    ) -> None:
        """Correct what the person minds, and mark the plane as reviewed where that was all."""
        way, kept = self._setup.way, {"smallest": _SMALLEST, "thinnest": _THINNEST}
        planner = plan_corrections(cleaned, minded_truth(way, cleaned, self._truths[plane], **kept), **kept)
        self._stroke(workspace, plane, labels, planner, left)
        if way in _REVIEWING and planner(labels.read(Box.of_shape(labels.shape))) is None:
            review(workspace, plane, labels)
            self.edits += 1

    def _stroke(self, workspace: Workspace, plane: PlaneId, labels: LabelPlane, planner: Planner, left: float) -> None:
        seconds = (left if self._setup.way is Way.DENSE else min(left, self._pace.most)) - self._pace.slide
        for timed in paint(labels, plane, planner, state=workspace.state(plane), pace=self._pace, seconds=seconds):
            workspace.perform(timed.edit, labels.shape, made=labels)
            self.seconds += timed.seconds
            self.strokes += 1
            self.edits += 1

    def _review_as_empty(self, workspace: Workspace, plane: PlaneId, labels: LabelPlane) -> None:
        before = labels.read(Box.of_shape(labels.shape))
        edit = make_edit(
            plane, Box.of_shape(labels.shape), before, np.full_like(before, BACKGROUND), f"{plane.slide} is empty",
            state_before=workspace.state(plane), state_after=PlaneState.REVIEWED,
        )  # fmt: skip
        assert edit is not None  # the state changes at least
        workspace.perform(edit, labels.shape)
        self.edits += 1


def _is_empty(truth: NDArray[np.uint8]) -> bool:
    """Whether true classes (h, w) are known and background everywhere."""
    return bool((truth == BACKGROUND).all())
