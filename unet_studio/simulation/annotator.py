"""The simulated annotator: chooses planes, and works on each for as long as a person would."""

from pathlib import Path

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import review
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ProjectError
from unet_studio.simulation.painting import Pace, paint, plan_corrections, plan_first_strokes
from unet_studio.simulation.runs import Setup
from unet_studio.simulation.truth import Truths
from unet_studio.usecases.next_plane import Descriptors, next_plane_in_order

_SMALLEST = 15
_THINNEST = 3
"""Wrong regions of fewer pixels are left, and those that are nowhere this many pixels thick."""


class Annotator:
    """A person with a brush, who knows the true classes of the planes to work on, and the time that it took so far."""

    def __init__(self, setup: Setup, place: Path, truths: Truths) -> None:
        self.seconds = 0.0
        self.strokes = 0
        self.seen: set[PlaneId] = set()
        self._setup = setup
        self._place = place
        self._truths = truths
        self._pace = Pace()
        self._slides = sorted({plane.slide for plane in truths})
        self._descriptors: Descriptors = {}

    @property
    def shortest(self) -> float:
        """The least seconds that a person needs for a plane: to look at it and for one stroke."""
        return self._pace.slide + self._pace.stroke

    def next_plane(self) -> PlaneId | None:
        """The plane to work on now, the one that the window offers too; None where all were looked at."""
        with Project.open(self._setup.folder, place=self._place) as project:
            return next_plane_in_order(
                project, self._slides, order=self._setup.order, done=self.seen, seed=self._setup.seed,
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
        truth = self._truths[plane]
        box = Box.of_shape(truth.shape)
        labels = workspace.labels(plane, box.shape)
        view = workspace.mask(plane, labels)
        proposed = self._setup.dense or view.proposal is not None
        planner = (
            plan_corrections(view.cleaned(box), truth, smallest=_SMALLEST, thinnest=_THINNEST)
            if proposed
            else plan_first_strokes(truth)
        )
        seconds = (left if self._setup.dense else min(left, self._pace.most)) - self._pace.slide
        self.seconds += self._pace.slide
        for timed in paint(labels, plane, planner, state=workspace.state(plane), pace=self._pace, seconds=seconds):
            workspace.perform(timed.edit, box.shape, made=labels)
            self.seconds += timed.seconds
            self.strokes += 1
        if proposed and planner(labels.read(box)) is None:
            review(workspace, plane, labels)
