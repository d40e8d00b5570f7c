"""What tests of use cases do with a project, as worker and person would, and how they watch a job."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.edits import Edit, PlaneChange
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.protocol.values import Event


@dataclass
class RecordingProgress:
    """A progress reporter that keeps what it is told, and wants to stop after so many reports."""

    stop_after: float = math.inf
    shares: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def report(self, done: float, text: str) -> None:
        self.shares.append(done)
        self.texts.append(text)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def cancelled(self) -> bool:
        return len(self.shares) >= self.stop_after


def propose(project: Project, slide: str, probability: NDArray[np.uint8], *, model: str = "model") -> None:
    """Give a slide a model's proposal (h, w) of class 1."""
    file, stamp = proposal_file(project.place, model, PlaneId(slide)), slide_stamp(project.folder / slide)
    write_proposal(file, probability.shape, 1, [(0, probability[..., None])], stamp=stamp)


def record(project: Project, slide: str, labels: NDArray[np.uint8]) -> None:
    """Give a slide its labels and mark it as reviewed, in one edit."""
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.REVIEWED}
    before = np.full_like(labels, UNLABELLED)
    edit = make_edit(PlaneId(slide), Box.of_shape(labels.shape), before, labels, "brush", **states)
    assert edit is not None
    project.record(project.next_edit_id(), edit, labels.shape)


def review(project: Project, slide: str) -> None:
    """Mark a corrected slide of 64 × 64 pixels as reviewed."""
    change = PlaneChange(PlaneId(slide), (), PlaneState.CORRECTED, PlaneState.REVIEWED)
    project.record(project.next_edit_id(), Edit("review", (change,)), (64, 64))
