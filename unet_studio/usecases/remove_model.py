"""Removing a model of a project: its folder and the proposals in the cache, never what was made of them."""

import shutil
from contextlib import suppress
from dataclasses import dataclass

from unet_studio.core.masks.proposals import proposals_folder
from unet_studio.core.models.cards import find_model, project_models
from unet_studio.core.models.interrupted import CHECKPOINT, remove_checkpoint, trainings_that_need
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError, PathError


@dataclass(frozen=True, slots=True)
class RemovedModel:
    """A model that was removed, and the ids of those whose training began with it; they keep its weights."""

    model: str
    title: str
    began_with_it: tuple[str, ...]


def remove_model(project: Project, name: str, *, gives_up: bool = False) -> RemovedModel:
    """Remove a model of the project, given by its id, with its proposals in the cache.

    Labels, masks and the proposals that were kept for them stay, and so does what is written down of its training, so
    that no later model gets its name. With `gives_up` interrupted trainings that can't go on without it are given up.
    Raises `ModelError` where there are some otherwise, for the model in use, a starter model, one outside of the
    project, and where the folder can't be removed.
    """
    card = find_model(name, project.place)
    if card.is_bundled:
        raise ModelError(
            f"'{card.title}' is a starter model, which comes with the program, so it can't be removed from a project."
        )
    if card.folder.resolve().parent != (project.place / "models").resolve():
        raise ModelError(f"The model in '{card.folder}' is not part of this project, so it is not removed from it.")
    if card.id == project.active_model:
        raise ModelError(f"'{card.title}' is the model in use. Choose another one first, then remove it.")
    interrupted = trainings_that_need(card.id, project.place)
    if interrupted and not gives_up:
        last = interrupted[-1]
        raise ModelError(
            f"'{card.title}' is not removed: the training of '{last.title}', which was interrupted, began with it and "
            "can't go on without it. Let it go on first, by 'unet-studio retrain FOLDER --resume', or give it up by "
            f"removing '{last.folder / CHECKPOINT}'."
        )
    aside = card.folder.with_name(f".{card.folder.name}.removed")
    try:
        shutil.rmtree(aside, ignore_errors=True)  # what an earlier try left
        card.folder.rename(aside)  # a reader sees all of the model or none
    except OSError as error:
        raise ModelError(
            f"'{card.title}' could not be removed from '{card.folder}' ({error.strerror}). "
            "Close what has it open, or ask for permission to write there."
        ) from error
    for training in interrupted:
        remove_checkpoint(training.folder)
    shutil.rmtree(aside, ignore_errors=True)
    with suppress(PathError):
        shutil.rmtree(proposals_folder(project.place, card.id), ignore_errors=True)
    began_with_it = tuple(other.id for other in project_models(project.place) if other.parent == card.id)
    return RemovedModel(card.id, card.title, began_with_it)
