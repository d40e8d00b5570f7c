"""Retraining: a project's labels become a new model, judged beside the one it started from."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import LabelClass
from unet_studio.core.files import write_atomically
from unet_studio.core.labels import LabelPlane
from unet_studio.core.mask_files import blend_overlay
from unet_studio.core.models import ModelCard
from unet_studio.core.normalisation import Normalisation
from unet_studio.core.project import LabelledPlane, Project
from unet_studio.core.proposals import to_mask
from unet_studio.core.reading import SlideReader, open_slide
from unet_studio.errors import StudioError
from unet_studio.unet.patches import LabelledSlide
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training import (
    JudgedWindow,
    RoundReport,
    TrainingResult,
    build_or_continue,
    judged_windows,
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
    def better(self) -> bool:
        """Whether to use the new model: it beat the old one, or nothing could be compared."""
        return not self.compared or self.result.dice > self.result.dice_before


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
    labelled slide). Slides that can't be read are told to the watcher and left out.
    """
    snapshot = read_snapshot(project)
    if start is not None:
        start.check_fits(snapshot.classes)
    with _open_slides(snapshot, project.folder, watcher) as readers:
        normalisation = start.normalisation if start else Normalisation(channels or _channels_of(readers))
        slides = _prepare_all(readers, normalisation, watcher)
        training = [s for s in slides if s.plane.slide not in snapshot.hold_out]
        kept_out = [s for s in slides if s.plane.slide in snapshot.hold_out]
        if not training:
            raise StudioError(
                "Every labelled slide is on the hold-out, so there is nothing to train on. Correct another slide."
            )
        windows = judged_windows(kept_out or training)
        recipe = _with_architecture_of(recipe, start)
        network = build_or_continue(
            recipe, load_network(start) if start else None,
            channels=normalisation.channels, classes=len(snapshot.classes),
        )  # fmt: skip
        model_id = _next_id(project.place)
        preview = _Preview(windows, snapshot.classes, project.place / "runs" / model_id, watcher)
        result = train(
            network, training, windows, recipe,
            report=preview.report, step=watcher.step, cancelled=watcher.cancelled,
        )  # fmt: skip
    card = _make_card(model_id, project, snapshot, normalisation, recipe, start, result, compared=bool(kept_out))
    return Retrained(publish(card, result.network, result.history), result, bool(kept_out))


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
    cells = sorted(plane.cells)
    counts = np.array([plane.cells[cell] for cell in cells], dtype=np.float64)
    measured = normalisation.measure(reader, plane.plane.plane)
    return LabelledSlide(plane.plane, reader, labels, normalisation, measured, cells, counts / counts.sum())


def _channels_of(readers: Sequence[tuple[LabelledPlane, LabelPlane, SlideReader]]) -> int:
    return readers[0][2].info.channels


def _with_architecture_of(recipe: Recipe, start: ModelCard | None) -> Recipe:
    """A warm start keeps the network it starts from; the rest of the recipe holds."""
    if start is None:
        return recipe
    return Recipe.from_dict({**recipe.as_dict(), "architecture": start.recipe["architecture"]})


def _next_id(place: Path) -> str:
    """A name that no model has or had: proposals of a removed one may still lie under its name."""
    folders = [folder for kind in ("models", "proposals", "runs") for folder in (place / kind).glob("retrained-*")]
    numbers = [int(number) for folder in folders if (number := folder.name.removeprefix("retrained-")).isdigit()]
    return f"retrained-{max(numbers, default=0) + 1:03d}"


def _make_card(
    model_id: str,
    project: Project,
    snapshot: Snapshot,
    normalisation: Normalisation,
    recipe: Recipe,
    start: ModelCard | None,
    result: TrainingResult,
    *,
    compared: bool,
) -> ModelCard:
    slides = {plane.plane.slide for plane, _ in snapshot.planes}
    return ModelCard(
        id=model_id,
        title=model_id.replace("retrained-", "Retrained ").replace(" 0", " ").replace(" 0", " "),
        classes=snapshot.classes,
        normalisation=normalisation,
        recipe=recipe.as_dict(),
        folder=project.place / "models" / model_id,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        parent=start.id if start else "",
        data=f"{len(slides)} slides, {snapshot.labelled_pixels} labelled pixels, labels {snapshot.fingerprint()}",
        scores={
            "judged_on": "hold-out" if compared else "training slides",
            "dice": result.dice,
            "dice_before": result.dice_before,
        },
    )


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
