"""The models of a simulation: trained on what is labelled, adopted by the gate, scored on unseen slides."""

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import count
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import ProposeJob, Retrained, RetrainJob
from unet_studio.simulation.false_objects import count_false_objects
from unet_studio.simulation.progress import OverallProgress
from unet_studio.simulation.runs import Judged, Setup, Way
from unet_studio.simulation.truth import Split
from unet_studio.usecases.adopt import adopt
from unet_studio.usecases.engine import Engine


class Learner:
    """Trains, proposes and judges in one project, as the window does.

    `active` is the id of the model in use, or empty; `judged` is how good it is once it was judged, and nothing before
    there is one, since nothing is proposed then.
    """

    def __init__(self, setup: Setup, place: Path, engine: Engine, progress: OverallProgress, split: Split) -> None:
        self.judged = Judged(0.0, 0)
        self.trainings = 0
        self._setup = setup
        self._place = place
        self._engine = engine
        self._progress = progress
        self._split = split
        with self._project() as project:
            self._classes = len(project.classes())
            self.active = project.active_model

    def train(self) -> Retrained:
        """Train on what is labelled now. Raises StudioError where nothing is."""
        changes = [f"seed={self._setup.seed}", *self._setup.changes]
        if self._setup.train_seconds:
            changes.append(f"schedule.seconds={float(self._setup.train_seconds)}")
        with self._project() as project:
            if not project.labelled_planes():
                raise StudioError(
                    "The person labelled nothing: there was no time, or nothing that is corrected in this way. "
                    "Simulate more minutes, or another way of working."
                )
        job = RetrainJob(str(self._setup.folder), str(self._place), self.active, self._setup.recipe, changes)
        retrained = self._engine.retrain(job, self._progress)
        self.trainings += 1
        return retrained

    def adopt(self, retrained: Retrained) -> bool:
        """Make the new model the active one if the gate lets it; says whether it is now."""
        with self._project() as project:
            judgement = adopt(project, retrained)
            self.active = project.active_model
        return judgement.is_adopted

    def use(self, judged: Judged) -> None:
        """Propose with the active model, which was `judged`, what the person sees next."""
        self.judged = judged
        if self._setup.way is not Way.DENSE:
            self._propose(self.active, self._split.pool)

    def judge(self, model: str, corrected: Mapping[PlaneId, NDArray[np.bool_]] | None = None) -> Judged:
        """How good a model's proposals are at an even threshold and without clean-up.

        `corrected` says where a person had corrected what was proposed before, bool (h, w) by plane.
        """
        self._propose(model, self._split.test)
        counts, false_objects = [], 0
        for plane, truth in self._split.test_truths.items():
            mask = self._mask(model, plane, truth.shape)
            counts.append(count(truth, mask, self._classes))
            false_objects += count_false_objects(truth, mask)
        return Judged(reduce(add, counts).mean_dice, false_objects, self._corrected_right(model, corrected or {}))

    def _corrected_right(self, model: str, corrected: Mapping[PlaneId, NDArray[np.bool_]]) -> float:
        with self._project() as project:
            hold_out = project.hold_out()
        learned = {plane: where for plane, where in corrected.items() if plane.slide not in hold_out and where.any()}
        self._propose(model, sorted({plane.slide for plane in learned}))
        right = pixels = 0
        for plane, where in learned.items():
            truth = self._split.pool_truths[plane]
            right += int((self._mask(model, plane, truth.shape) == truth)[where].sum())
            pixels += int(where.sum())
        return right / pixels if pixels else math.nan

    def _mask(self, model: str, plane: PlaneId, shape: tuple[int, int]) -> NDArray[np.uint8]:
        box = Box.of_shape(shape)
        return MaskView(LabelPlane(shape), find_proposal(self._place, model, plane)).cleaned(box)

    def _propose(self, model: str, slides: Sequence[str]) -> None:
        if not slides:
            return
        planes = [(slide, -1) for slide in slides]
        self._engine.propose(ProposeJob(str(self._setup.folder), str(self._place), model, planes), self._progress)
        self._progress.check()

    def _project(self) -> Project:
        return Project.open(self._setup.folder, place=self._place)
