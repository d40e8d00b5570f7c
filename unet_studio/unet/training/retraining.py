"""Retraining: a new model is trained on a project's labels and validated against the one it started from."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.files import path_inside
from unet_studio.core.models.cards import ModelCard, find_model, read_card
from unet_studio.core.models.interrupted import remove_checkpoint, unfinished_runs
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.models.notes import learned_slides
from unet_studio.core.project.active_model import comparable_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import pooled_dice
from unet_studio.errors import ModelError, StudioError
from unet_studio.protocol.values import Comparison, Progress, Retrained, Round, Stopping
from unet_studio.unet.architecture import build_or_continue
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.calibration import fit_temperature
from unet_studio.unet.training.class_balance import restore_balance
from unet_studio.unet.training.comparing import Comparer, Rival, open_unlabelled_sample, proposed_in
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.preparing import (
    OpenedPlane,
    check_stopped,
    divide,
    open_slides,
    open_unlabelled,
    prepare_all,
    set_aside,
)
from unet_studio.unet.training.preview import Preview
from unet_studio.unet.training.rounds import TrainedNetwork, train
from unet_studio.unet.training.snapshot import Snapshot, read_snapshot
from unet_studio.unet.training.teacher import Teacher
from unet_studio.unet.training.validation import MOST_WINDOWS, ValidationWindow, validation_windows
from unet_studio.unet.weights import load_fast_network, load_network, publish
from unet_studio.unet.whole_slides import predictor_of

_WINDOWS_OF_A_ROUND = 8
"""Of the hold-out, to show after each round how far it is; they decide nothing, so a few will do."""


def retrain(
    project: Project, start: ModelCard | None, recipe: Recipe, progress: Progress, *, channels: int = 0
) -> Retrained:
    """Train on the project's labels, warm-started from `start`, and publish the model in the project.

    Without `start` the recipe's network begins at random with `channels` input channels (0: those of the first labelled
    slide). Slides that can't be read are reported and left out. Of those that aren't on the hold-out the recipe may set
    some aside to choose a round on. After each round the run's folder gets a checkpoint, with which `resume` goes on
    should the training be interrupted; its end removes it.

    The new model is compared with the project's active one, if that tells the same classes apart.
    A training that is stopped returns what it has learned so far; before the first round `Cancelled` is raised.
    """
    snapshot = read_snapshot(project, each=partial(check_stopped, progress))
    if start is not None:
        start.check_fits(snapshot.classes)
    with open_slides(snapshot, project.folder, progress) as opened:
        if start is not None:
            normalisation = start.normalisation
        else:
            normalisation = Normalisation.usual(channels or opened[0].reader.info.channels)
        card = _begin_card(project, snapshot, normalisation, _fitted_to(recipe, start), start)
        return _Retraining(project, snapshot, card, progress, opened, start, _rival_of(project)).run()


def resume(project: Project, progress: Progress) -> Retrained:
    """Go on with the training that was interrupted last, by its own recipe, on the labels that there are now.

    Raises `ModelError` where none was interrupted, its checkpoint is damaged, or the project's classes have changed.
    """
    unfinished = unfinished_runs(project.place / "runs")
    if not unfinished:
        raise ModelError("No training of this project was interrupted, so there is none to resume. Start a new one.")
    card = read_card(unfinished[-1]).moved_to(project.place / "models" / unfinished[-1].name)
    snapshot = read_snapshot(project, each=partial(check_stopped, progress))
    if [c.name for c in card.classes] != [c.name for c in snapshot.classes]:
        raise ModelError(
            f"The training '{card.id}' can't go on: the project's classes have changed since it was interrupted. "
            "Start a new one."
        )
    with open_slides(snapshot, project.folder, progress) as opened:
        start = find_model(card.parent, project.place) if Recipe.from_dict(card.recipe).loss.teacher else None
        return _Retraining(project, snapshot, card, progress, opened, start, _rival_of(project)).run(resumed=True)


class _Retraining:
    """One training on a project's labels, from slides that are open to a published model."""

    def __init__(
        self,
        project: Project,
        snapshot: Snapshot,
        card: ModelCard,
        progress: Progress,
        opened: Sequence[OpenedPlane],
        start: ModelCard | None,
        rival: ModelCard | None,
    ) -> None:
        self._card = card
        self._start = start
        self._parent = start if start is not None else _find_parent(card, project.place)
        self._rival = rival
        self._folder = project.folder
        self._proposed = proposed_in(project)
        self._recipe = Recipe.from_dict(card.recipe)
        self._progress = progress
        self._snapshot = snapshot
        self._run = path_inside(project.place, f"runs/{card.id}")
        slides = prepare_all(opened, card.normalisation, progress)
        learned, self._kept_out = divide(slides, snapshot.hold_out)
        self._training, self._validation = set_aside(learned, self._recipe)

    def run(self, *, resumed: bool = False) -> Retrained:
        with ExitStack() as stack:
            return self._run_with(stack, self._find_replayed(stack), resumed=resumed)

    def _find_replayed(self, stack: ExitStack) -> list[LabelledSlide]:
        """Have all slides taught by the model at the start, where the recipe says so; returns those nobody labelled."""
        if self._start is None or not self._recipe.loss.teacher:
            return []
        teacher = Teacher(predictor_of(self._start, load_network(self._start)))
        replayed = open_unlabelled(self._snapshot, self._folder, self._card.normalisation, self._recipe.seed, stack)
        for slide in (*self._training, *replayed):
            slide.taught = teacher.of(slide.plane, slide.read, slide.shape)
        return replayed

    def _run_with(self, stack: ExitStack, replayed: Sequence[LabelledSlide], *, resumed: bool) -> Retrained:
        windows = validation_windows(
            self._validation or self._kept_out or self._training, self._recipe.schedule,
            most=MOST_WINDOWS if self._validation else _WINDOWS_OF_A_ROUND, each=partial(check_stopped, self._progress),
        )  # fmt: skip
        start = load_network(self._start) if self._start is not None and not resumed else None
        network = build_or_continue(
            self._recipe, start, channels=self._card.normalisation.channels, classes=len(self._card.classes)
        )
        self._write_card()
        preview = Preview(windows, self._card.classes, self._run)

        def tell(report: Round, predictor: Predictor) -> None:
            self._progress.event(replace(report, preview=preview.draw(report, predictor)))

        trained = train(
            network, self._training, windows, self._recipe, chooses=bool(self._validation), replayed=replayed,
            run=self._run, resume_from=self._run if resumed else None, report=tell, cancelled=self._progress.cancelled,
            step=lambda done, steps: self._progress.report(done / steps, ""),
            stopping=lambda: self._progress.event(Stopping()),
        )  # fmt: skip
        is_stopped = self._progress.cancelled()
        self._tell_stopping()  # what follows takes a while, too
        restore_balance(
            trained.network, self._recipe.architecture, (*self._training, *replayed), self._recipe.seed,
            each=self._tell_stopping,
        )  # fmt: skip
        comparison = self._compare(trained, stack, replayed, briefly=is_stopped)
        finished = self._finished_card(trained, windows, comparison)
        card = publish(finished, trained.network, trained.history, self._find_learned())
        remove_checkpoint(self._run)
        held_out = len({slide.plane.slide for slide in self._kept_out})
        return Retrained(
            card.id, card.parent, tuple(c.name for c in card.classes), held_out, trained.history, comparison, is_stopped
        )

    def _tell_stopping(self) -> None:
        """A sign that a training that was stopped is being brought to its end; without any the worker is ended."""
        if self._progress.cancelled():
            self._progress.event(Stopping())

    def _compare(
        self, trained: TrainedNetwork, stack: ExitStack, replayed: Sequence[LabelledSlide], *, briefly: bool
    ) -> Comparison | None:
        """The new model beside the one that would go on proposing without it; None where there is none."""
        if self._rival is None:
            return None
        others, unlabelled_slides = open_unlabelled_sample(
            self._snapshot, self._folder, self._card.normalisation, stack,
            replayed={slide.plane.slide for slide in replayed},
        )  # fmt: skip
        comparer = Comparer(
            Rival(self._rival, predictor_of(self._rival, load_fast_network(self._rival))),
            predictor_of(self._card, trained.network),
            parse_steps(self._recipe.clean_up),
            briefly=briefly,
        )
        return comparer.compare(
            self._snapshot, held_out=self._kept_out, training=self._training, others=others,
            unlabelled_slides=unlabelled_slides, proposed=self._proposed,
        )  # fmt: skip

    def _find_learned(self) -> frozenset[str] | None:
        """The slides that the new model and those it comes from learned from; None where that isn't known."""
        before: frozenset[str] | None = frozenset()
        if self._card.parent:
            before = learned_slides(self._parent) if self._parent is not None else None
        own = {slide.plane.slide for slide in (*self._training, *self._validation)}
        return before | own if before is not None else None

    def _write_card(self) -> None:
        """Say in the run's folder what is trained here, so that it can be resumed."""
        try:
            self._run.mkdir(parents=True, exist_ok=True)
            self._card.moved_to(self._run).write()
        except OSError as error:
            raise StudioError(
                f"The training could not begin, because '{self._run}' can't be written ({error.strerror}). "
                "Free some space or ask for permission to write there."
            ) from error

    def _finished_card(
        self, trained: TrainedNetwork, windows: Sequence[ValidationWindow], comparison: Comparison | None
    ) -> ModelCard:
        compared = bool(self._kept_out)  # fitted on training slides it would leave overconfident probabilities
        predictor = Predictor(trained.network, self._recipe.architecture)
        return replace(
            self._card,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            data=self._snapshot.describe(),
            temperature=fit_temperature(predictor, windows) if compared else 1.0,
            scores={"judged_on": "hold-out" if compared else "training slides", **_scores(trained, comparison)},
        )


def _scores(trained: TrainedNetwork, comparison: Comparison | None) -> dict[str, float]:
    """Dice before and after for the card; what is NaN is left out.

    Beside a model before, held-out strokes over its mistakes judge nothing: any other model looks better on them.
    """
    before, after = trained.dice_before, trained.dice
    if comparison is not None and (comparison.judged or comparison.unseen_strokes.labelled):
        before, after = pooled_dice(comparison.judged)
    return {name: dice for name, dice in (("dice", after), ("dice_before", before)) if not math.isnan(dice)}


def _find_parent(card: ModelCard, place: Path) -> ModelCard | None:
    """The model that a training began with; None where there was none, or it is gone."""
    try:
        return find_model(card.parent, place) if card.parent else None
    except ModelError:
        return None


def _rival_of(project: Project) -> ModelCard | None:
    """The model that would go on proposing without a new one."""
    name = comparable_model(project)
    return find_model(name, project.place) if name else None


def _fitted_to(recipe: Recipe, start: ModelCard | None) -> Recipe:
    """A warm start keeps the network it starts from, and the size at which that sees whole slides; the rest holds."""
    if start is None:
        return replace(recipe, loss=replace(recipe.loss, teacher=0.0))  # nothing is known yet that could be kept
    kept = Recipe.from_dict(start.recipe)
    schedule = recipe.schedule
    if kept.schedule.whole:
        schedule = replace(schedule, whole=True, patch=kept.schedule.patch)
    return replace(recipe, architecture=kept.architecture, schedule=schedule)


def _next_id(place: Path) -> str:
    """A name that no model has or had: proposals of a removed one may still lie under its name."""
    folders = [folder for kind in ("models", "proposals", "runs") for folder in (place / kind).glob("retrained-*")]
    numbers = [int(number) for folder in folders if (number := folder.name.removeprefix("retrained-")).isdigit()]
    return f"retrained-{max(numbers, default=0) + 1:03d}"


def _begin_card(
    project: Project, snapshot: Snapshot, normalisation: Normalisation, recipe: Recipe, start: ModelCard | None
) -> ModelCard:
    model_id = _next_id(project.place)
    return ModelCard(
        id=model_id,
        title=model_id.replace("retrained-", "Retrained ").replace(" 0", " ").replace(" 0", " "),
        classes=snapshot.classes,
        normalisation=normalisation,
        recipe=recipe.as_dict(),
        folder=project.place / "models" / model_id,
        parent=start.id if start else "",
    )
