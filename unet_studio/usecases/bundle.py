"""A bundle: one archive from which the project's last training can be done again, elsewhere or years later.

It holds the project's file (labels, classes, hold-out, audit sample, clean-up), the proposals that are kept under
labels, so that masks of corrected slides stay what they were, the model that was trained (card, curves, weights), the
model that it started from, and the digests of all slides; the slides themselves where they are wanted. What can be made
again isn't in it: other proposals, and models that came between.
"""

import json
import shutil
import zipfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import tomli_w

from unet_studio.core.files import is_plain_name, path_inside, write_atomically
from unet_studio.core.masks.kept import KEPT
from unet_studio.core.masks.proposals import slide_stamp
from unet_studio.core.models.cards import CARD, ModelCard, find_model, project_models, read_card
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.reporting.fingerprints import file_fingerprint, labels_fingerprint
from unet_studio.core.slides.finding import find_slides, slide_file
from unet_studio.core.wording import name_some
from unet_studio.errors import ModelError, StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, RetrainJob, check_cancelled

_MANIFEST, _RESULT, _START, _SLIDES = "bundle.json", "result", "start", "slides"
_VERSION = 1
_MOST_NAMED = 10
_TOLERANCE = 0.005
"""Scores that differ by no more, in Dice, are the same: 0.5 points."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What was written: of which model, and whether the labels are still those that it learned from."""

    file: Path
    model: str
    slides: int
    has_slides: bool
    is_as_trained: bool


@dataclass(frozen=True, slots=True)
class Unbundled:
    """A project that was made from a bundle, how its model is trained again, and the Dice that this should come to."""

    job: RetrainJob
    model: str
    dice: float | None

    def is_reproduced(self, dice: float | None) -> bool:
        """Whether a Dice on the hold-out is within 0.5 points of the bundle's."""
        return dice is not None and self.dice is not None and abs(dice - self.dice) <= _TOLERANCE


def write_bundle(
    project: Project, out: Path, *, with_slides: bool = False, progress: Progress = NO_PROGRESS
) -> Bundled:
    """Write the bundle of the active model if it was trained in this project, else of the last one that was.

    Raises StudioError where no model was trained here, what it started from is gone, a slide can't be read, or the
    file can't be written, and `Cancelled`.
    """
    card = _trained(project)
    start = find_model(card.parent, project.place) if card.parent else None
    slides = find_slides(project.folder)
    digests = {}
    for number, slide in enumerate(slides):
        check_cancelled(progress, "The bundle was stopped; nothing was written.")
        progress.report(number / len(slides) / (2 if with_slides else 1), slide)
        digests[slide] = _digest(slide_file(project.folder, slide))
    labels = labels_fingerprint(project, without=project.audit())
    manifest = {
        "version": _VERSION, "made": datetime.now(UTC).isoformat(timespec="seconds"), "model": card.id,
        "start": start.id if start else "", "start_weights": file_fingerprint(start.weights) if start else "",
        "hold_out": sorted(project.hold_out()), "audit": sorted(project.audit()), "labels": labels,
        "seed": card.recipe.get("seed", 0), "scores": card.scores, "slides": digests, "with_slides": with_slides,
    }  # fmt: skip

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
            archive.write(_copy_of_store(project, Path(temporary)), FILE)
            _add_folder(archive, project.place / KEPT, KEPT)
            _add_folder(archive, card.folder, f"{_RESULT}/{card.id}")
            if start is not None:
                _add_folder(archive, start.folder, f"{_START}/{start.id}")
            for number, slide in enumerate(slides if with_slides else ()):
                check_cancelled(progress, "The bundle was stopped; nothing was written.")
                progress.report(0.5 + number / len(slides) / 2, slide)
                archive.write(slide_file(project.folder, slide), f"{_SLIDES}/{slide}")

    with TemporaryDirectory() as temporary:
        write_atomically(out, write)
    return Bundled(out, card.id, len(slides), with_slides, card.data.rpartition("labels ")[2] == labels)


def unpack_bundle(file: Path, folder: Path, place: Path | None = None) -> Unbundled:
    """Make a project for `folder` from a bundle, ready to be trained again.

    The folder has the same slides, known by their content, or none and the bundle brings them. Raises StudioError where
    slides are missing or others, which it names, where the folder has a project already, or the file is no bundle.
    """
    place = (place or folder / PLACE_NAME).resolve()
    if (place / FILE).exists():
        raise StudioError(
            f"'{place}' is a project already, which a bundle would overwrite. Name another place with --project DIR."
        )
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _read_manifest(archive, file)
            _bring_slides(archive, manifest, folder)
            _check_slides(manifest["slides"], folder)
            return _make_project(archive, manifest, folder, place)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise StudioError(f"'{file}' can't be read as a bundle of U-Net Studio ({error}).") from error


def _trained(project: Project) -> ModelCard:
    cards = project_models(project.place)
    trained = [card for card in cards if card.id.startswith("retrained-")]
    if not trained:
        raise ModelError("No model was trained in this project yet, so there is nothing to bundle. Retrain first.")
    return next((card for card in trained if card.id == project.active_model), trained[-1])


def _copy_of_store(project: Project, folder: Path) -> Path:
    """A whole copy of the project's file as it is now, also while another program writes."""
    copy = folder / FILE
    with closing(connect(project.place / FILE)) as source, closing(connect(copy)) as target:
        source.backup(target)
    return copy


def _add_folder(archive: zipfile.ZipFile, folder: Path, name: str) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            archive.write(file, f"{name}/{file.relative_to(folder).as_posix()}")


def _digest(slide: Path) -> str:
    try:
        return slide_stamp(slide).partition(" ")[0]
    except OSError as error:
        raise StudioError(f"'{slide}' can't be read: {error.strerror or error}.") from error


def _read_manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
    if manifest["version"] > _VERSION:
        raise StudioError(f"'{file}' is a bundle of a newer version of U-Net Studio. Update the program.")
    if not all(is_plain_name(name) for name in (manifest["model"], manifest["start"] or "none")):
        raise ValueError("a model's id is the name of a folder")
    return manifest


def _bring_slides(archive: zipfile.ZipFile, manifest: dict[str, Any], folder: Path) -> None:
    """Take out the bundle's slides that the folder lacks."""
    if manifest["with_slides"]:
        for slide in manifest["slides"]:
            if not slide_file(folder, slide).exists():
                _extract(archive, f"{_SLIDES}/{slide}", folder, slide)


def _check_slides(digests: dict[str, str], folder: Path) -> None:
    missing = [slide for slide in digests if not slide_file(folder, slide).is_file()]
    others = [
        slide for slide in digests if slide not in missing and _digest(slide_file(folder, slide)) != digests[slide]
    ]
    problems = [f"missing: {name_some(missing, _MOST_NAMED)}"] if missing else []
    problems += [f"other than those that were learned from: {name_some(others, _MOST_NAMED)}"] if others else []
    if problems:
        raise StudioError(f"Slides in '{folder}' are {'; and '.join(problems)}. Put the original ones there.")


def _make_project(archive: zipfile.ZipFile, manifest: dict[str, Any], folder: Path, place: Path) -> Unbundled:
    names = archive.namelist()
    start, model = str(manifest["start"]), str(manifest["model"])
    result = path_inside(place, f"bundle/{model}")
    _extract_all(archive, names, KEPT, place, KEPT)
    _extract_model(archive, names, f"{_RESULT}/{model}", place, f"bundle/{model}")
    card = read_card(result)
    if start:
        _take_start(archive, names, manifest, place)
    recipe = path_inside(result, f"{Path(str(card.recipe.get('name') or 'recipe')).name}.toml")
    recipe.write_text(tomli_w.dumps(card.recipe), encoding="utf-8")
    _extract(archive, FILE, place, FILE)  # last: before it there is no project
    with Project.open(folder, place=place) as project:
        project.set_setting("active_model", start)
    job = RetrainJob(str(folder.resolve()), str(place), start, str(recipe), channels=card.normalisation.channels)
    dice = manifest["scores"].get("dice")
    return Unbundled(job, model, float(dice) if dice is not None else None)


def _take_start(archive: zipfile.ZipFile, names: Iterable[str], manifest: dict[str, Any], place: Path) -> None:
    """The model that the training started from: one of the program's own where it is the same, else the bundle's."""
    start = str(manifest["start"])
    try:
        known = find_model(start, None)
        if file_fingerprint(known.weights) == manifest["start_weights"]:
            return
    except ModelError:
        pass
    _extract_model(archive, names, f"{_START}/{start}", place, f"models/{start}")


def _extract_model(archive: zipfile.ZipFile, names: Iterable[str], below: str, root: Path, inside: str) -> None:
    _extract_all(archive, names, below, root, inside)
    if not (path_inside(root, inside) / CARD).is_file():
        raise StudioError(f"The bundle has no model '{Path(inside).name}', so it isn't whole.")


def _extract_all(archive: zipfile.ZipFile, names: Iterable[str], below: str, root: Path, inside: str) -> None:
    for name in names:
        if name.startswith(f"{below}/") and not name.endswith("/"):
            _extract(archive, name, root, f"{inside}/{name.removeprefix(f'{below}/')}")


def _extract(archive: zipfile.ZipFile, name: str, root: Path, inside: str) -> None:
    """Write a file of the archive to `inside` of the folder `root`; raises `PathError` where it would lie outside."""
    target = path_inside(root, inside)
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
