"""Retraining: a project's labels become a new model, judged beside the one it started from."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import LabelClass
from unet_studio.core.figures.mask_colours import blend_overlay
from unet_studio.core.files import write_atomically
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.proposals import to_mask
from unet_studio.core.models.cards import ModelCard, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.errors import ModelError, StudioError
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.calibration import fit_temperature
from unet_studio.unet.training.checkpoint import remove_checkpoint, unfinished_runs
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.rounds import (
    JudgedWindow,
    RoundReport,
    TrainingResult,
    build_or_continue,
    judged_windows,
    set_aside,
    train,
)
from unet_studio.unet.weights import load_network, publish


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a training reads of a project, all of one moment."""

    classes: tuple[LabelClass, ...]
    hold_out: frozenset[str]
    planes: tuple[tuple[LabelledPlane, LabelPlane], ...]

    @property
    def labelled_pixels(self) -> int:
        return sum(plane.labelled for plane, _ in self.planes)

    def fingerprint(self) -> str:
        """Of every label and which slide it is on: the same labels give the same text."""
        digest = hashlib.sha256()
        for plane, labels in self.planes:
            digest.update(f"{plane.plane.slide}:{plane.plane.plane}".encode())
            for cell in sorted(labels.cells):
                digest.update(repr(cell).encode())
                digest.update(np.ascontiguousarray(labels.tile(cell)).tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Retrained:
    """The new model, how it and the old one score on the hold-out, and whether there was a hold-out."""

    card: ModelCard
    result: TrainingResult
    compared: bool

    @property
    def preferred(self) -> bool:
        """Whether to use the new model: it beat the old one, or the hold-out can't tell them apart (see `train`)."""
        return self.result.changed


class Watcher(Protocol):
    """Who follows a retraining."""

    def step(self, done: int, steps: int) -> None: ...
    def round(self, report: RoundReport, preview: Path) -> None: ...
    def failed(self, slide: str, reason: str) -> None: ...
    def cancelled(self) -> bool: ...


def read_snapshot(project: Project) -> Snapshot:
    """Classes, hold-out and all labels; raises `StudioError` where nothing is labelled."""
    with project.snapshot():
        planes = tuple((plane, project.labels(plane.plane, plane.shape)) for plane in project.labelled_planes())
        snapshot = Snapshot(project.classes(), project.hold_out(), planes)
    if not planes:
        raise StudioError(
            "Nothing is labelled yet, so there is nothing to learn from. "
            "Correct some masks with the brush, or mark a slide as reviewed, then retrain."
        )
    return snapshot


def retrain(project: Project, start: ModelCard | None, recipe: Recipe, watcher: Watcher, *, channels: int) -> Retrained:
    """Train on the project's labels, warm-started from `start`, and publish the model in the project.

    Without `start` the recipe's network begins at random with `channels` input channels (0: those of the first
    labelled slide). Slides that can't be read are told to the watcher and left out. Where the project has no hold-out
    the recipe may set some slides aside for this training. After each round the run's folder gets a checkpoint, with
    which `resume` goes on should the training be interrupted; its end removes it.
    """
    snapshot = read_snapshot(project)
    if start is not None:
        start.check_fits(snapshot.classes)
    with _open_slides(snapshot, project.folder, watcher) as readers:
        normalisation = start.normalisation if start else Normalisation.usual(channels or _channels_of(readers))
        card = _begin_card(project, snapshot, normalisation, _fitted_to(recipe, start), start)
        training = _Retraining(project, snapshot, card, watcher, readers)
        return training.run(load_network(start) if start else None)


def resume(project: Project, watcher: Watcher) -> Retrained:
    """Go on with the training that was interrupted last, by its own recipe, on the labels that there are now.

    Raises `ModelError` where none was interrupted, its checkpoint is damaged, or the project's classes have changed.
    """
    unfinished = unfinished_runs(project.place / "runs")
    if not unfinished:
        raise ModelError("No training of this project was interrupted, so there is none to resume. Start a new one.")
    card = read_card(unfinished[-1]).moved_to(project.place / "models" / unfinished[-1].name)
    snapshot = read_snapshot(project)
    if [c.name for c in card.classes] != [c.name for c in snapshot.classes]:
        raise ModelError(
            f"The training '{card.id}' can't go on: the project's classes have changed since it was interrupted. "
            "Start a new one."
        )
    with _open_slides(snapshot, project.folder, watcher) as readers:
        return _Retraining(project, snapshot, card, watcher, readers).run(None, resumed=True)


class _Retraining:
    """One training on a project's labels, from slides that are open to a published model."""

    def __init__(
        self,
        project: Project,
        snapshot: Snapshot,
        card: ModelCard,
        watcher: Watcher,
        readers: Sequence[tuple[LabelledPlane, LabelPlane, SlideReader]],
    ) -> None:
        self._card = card
        self._recipe = Recipe.from_dict(card.recipe)
        self._watcher = watcher
        self._snapshot = snapshot
        self._run = project.place / "runs" / card.id
        slides = _prepare_all(readers, card.normalisation, watcher)
        self._training, self._kept_out = _divide(slides, snapshot.hold_out, self._recipe)

    def run(self, start: keras.Model | None, *, resumed: bool = False) -> Retrained:
        windows = judged_windows(self._kept_out or self._training, self._recipe.schedule)
        network = build_or_continue(
            self._recipe, start, channels=self._card.normalisation.channels, classes=len(self._card.classes)
        )
        self._write_card()
        preview = _Preview(windows, self._card.classes, self._run, self._watcher)
        held_out = len({slide.plane.slide for slide in self._kept_out})
        result = train(
            network, self._training, windows, self._recipe, held_out=held_out, run=self._run,
            resume_from=self._run if resumed else None, report=preview.report, step=self._watcher.step,
            cancelled=self._watcher.cancelled,
        )  # fmt: skip
        published = publish(self._finished_card(result, windows), result.network, result.history)
        remove_checkpoint(self._run)
        return Retrained(published, result, bool(self._kept_out))

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

    def _finished_card(self, result: TrainingResult, windows: Sequence[JudgedWindow]) -> ModelCard:
        compared = bool(self._kept_out)  # what was trained on would look surer than it is
        predictor = Predictor(result.network, self._recipe.architecture)
        return replace(
            self._card,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            data=_describe_data(self._snapshot),
            temperature=fit_temperature(predictor, windows) if compared else 1.0,
            scores={
                "judged_on": "hold-out" if compared else "training slides",
                "dice": result.dice,
                "dice_before": result.dice_before,
            },
        )


def _divide(
    slides: Sequence[LabelledSlide], hold_out: frozenset[str], recipe: Recipe
) -> tuple[list[LabelledSlide], list[LabelledSlide]]:
    """The slides to train on and those to judge on: the project's hold-out or, without one, the recipe's share."""
    if not hold_out:
        return set_aside(slides, recipe)
    training = [slide for slide in slides if slide.plane.slide not in hold_out]
    if not training:
        raise StudioError(
            "Every labelled slide is on the hold-out, so there is nothing to train on. Correct another slide."
        )
    return training, [slide for slide in slides if slide.plane.slide in hold_out]


@contextmanager
def _open_slides(
    snapshot: Snapshot, folder: Path, watcher: Watcher
) -> Iterator[list[tuple[LabelledPlane, LabelPlane, SlideReader]]]:
    with ExitStack() as stack:
        readers: dict[str, SlideReader] = {}
        opened = []
        for plane, labels in snapshot.planes:
            slide = plane.plane.slide
            try:
                if slide not in readers:
                    readers[slide] = stack.enter_context(open_slide(folder / slide))
                _check_size(plane, readers[slide])
                opened.append((plane, labels, readers[slide]))
            except StudioError as error:
                watcher.failed(slide, str(error))
        _check_any(opened)
        yield opened


def _check_any(slides: Sequence[object]) -> None:
    if not slides:
        raise StudioError(
            "None of the labelled slides can be read, so there is nothing to train on. "
            "Put the slides back, or label others."
        )


def _check_size(plane: LabelledPlane, reader: SlideReader) -> None:
    info = reader.info
    if (info.height, info.width) != tuple(plane.shape) or plane.plane.plane >= info.planes:
        raise StudioError(f"'{plane.plane.slide}' has changed since it was labelled; it is left out of this training.")


def _prepare_all(
    readers: Sequence[tuple[LabelledPlane, LabelPlane, SlideReader]], normalisation: Normalisation, watcher: Watcher
) -> list[LabelledSlide]:
    slides = []
    for plane, labels, reader in readers:
        try:
            slides.append(_prepare(plane, labels, reader, normalisation))
        except StudioError as error:  # a damaged file that could be opened, or one with other channels
            watcher.failed(plane.plane.slide, str(error))
    _check_any(slides)
    return slides


def _prepare(
    plane: LabelledPlane, labels: LabelPlane, reader: SlideReader, normalisation: Normalisation
) -> LabelledSlide:
    measured = normalisation.measure(reader, plane.plane.plane)
    return LabelledSlide(plane.plane, reader, labels, normalisation, measured, sorted(plane.cells))


def _channels_of(readers: Sequence[tuple[LabelledPlane, LabelPlane, SlideReader]]) -> int:
    return readers[0][2].info.channels


def _fitted_to(recipe: Recipe, start: ModelCard | None) -> Recipe:
    """A warm start keeps the network it starts from, and the size at which that sees whole slides; the rest holds."""
    if start is None:
        return recipe
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


def _describe_data(snapshot: Snapshot) -> str:
    slides = {plane.plane.slide for plane, _ in snapshot.planes}
    return f"{len(slides)} slides, {snapshot.labelled_pixels} labelled pixels, labels {snapshot.fingerprint()}"


class _Preview:
    """After each round, a picture of one judged slide with the mask as it now comes out."""

    def __init__(
        self, windows: Sequence[JudgedWindow], classes: Sequence[LabelClass], folder: Path, watcher: Watcher
    ) -> None:
        # The window with most foreground shows most.
        self._window = max(windows, key=lambda w: int(np.count_nonzero((w.labels > 0) & (w.labels != 255))))
        self._colours = np.array([c.colour for c in classes], dtype=np.uint8)
        self._folder = folder
        self._watcher = watcher

    def report(self, report: RoundReport, predictor: Predictor) -> None:
        mask = to_mask(predictor.probabilities(self._window.pixels))
        picture = blend_overlay(_as_rgb(self._window.pixels), mask, self._colours, 0.45)
        file = self._folder / f"round-{report.round:03d}.png"
        write_atomically(file, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        self._watcher.round(report, file)


def _as_rgb(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.clip(pixels * 255, 0, 255).astype(np.uint8)
    return grey if grey.shape[2] == 3 else np.repeat(grey[..., :1], 3, axis=2)
