"""The models of a simulation: trained on what is labelled, adopted by the gate, scored on unseen slides."""

from collections.abc import Iterable
from functools import reduce
from operator import add
from pathlib import Path

from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import count
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import ProposeJob, Retrained, RetrainJob
from unet_studio.simulation.progress import OverallProgress
from unet_studio.simulation.runs import Setup
from unet_studio.simulation.truth import Split
from unet_studio.usecases.adopt import adopt
from unet_studio.usecases.engine import Engine


class Learner:
    """Trains, proposes and judges in one project, as the window does.

    `active` is the id of the model in use, or empty; `f1` is its F1 on the test slides once it was judged, and 0 before
    there is one, since nothing is proposed then.
    """

    def __init__(self, setup: Setup, place: Path, engine: Engine, progress: OverallProgress, split: Split) -> None:
        self.f1 = 0.0
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
                raise StudioError("The person had no time to label anything. Simulate more minutes.")
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

    def judge_and_propose(self) -> None:
        """Work out the F1 of the active model, and propose with it what the person sees next."""
        self.f1 = self.judge(self.active)
        if not self._setup.dense:
            self._propose(self.active, self._split.pool)

    def judge(self, model: str) -> float:
        """F1 of a model's proposals, at an even threshold and without clean-up, on the test slides."""
        self._propose(model, self._split.test)
        counts = []
        for plane, truth in self._split.test_truths.items():
            box = Box.of_shape(truth.shape)
            view = MaskView(LabelPlane(box.shape), find_proposal(self._place, model, plane))
            counts.append(count(truth, view.cleaned(box), self._classes))
        return reduce(add, counts).mean_dice

    def _propose(self, model: str, slides: Iterable[str]) -> None:
        planes = [(slide, -1) for slide in slides]
        self._engine.propose(ProposeJob(str(self._setup.folder), str(self._place), model, planes), self._progress)
        self._progress.check()

    def _project(self) -> Project:
        return Project.open(self._setup.folder, place=self._place)
