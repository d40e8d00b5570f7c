"""Choosing a project's active model: the one that proposes, and that retraining starts from."""

import shutil

from unet_studio.core.files import path_inside
from unet_studio.core.models.cards import ModelCard, bundled_models, find_model, read_card
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError


def active_model(project: Project) -> ModelCard:
    """The card of the active model; raises `ModelError` with the models to choose from where none was chosen."""
    if not project.active_model:
        known = "; ".join(f"{card.id} ({card.title})" for card in bundled_models())
        raise ModelError(
            f"This project has no model yet. Choose one with --model; the starter models are: {known or 'none'}."
        )
    return find_model(project.active_model, project.place)


def comparable_model(project: Project) -> str:
    """The id of the active model, if it can be read and tells the project's classes apart; else an empty text."""
    try:
        card = find_model(project.active_model, project.place)
    except ModelError:
        return ""
    return card.id if [c.name for c in card.classes] == [c.name for c in project.classes()] else ""


def use_model(project: Project, name: str) -> ModelCard:
    """Make a model active, given by its id, the name of a starter model, or the path of a model's folder.

    A project in which nothing is labelled takes over the model's classes. A model from elsewhere is copied into the
    project, which can then be moved as a whole. Raises `ModelError` where there is no such model or its classes are
    others.
    """
    card = find_model(name, project.place)
    if project.states():
        card.check_fits(project.classes())
    card = _copy_into_project(project, card)
    if [c.name for c in project.classes()] != [c.name for c in card.classes] or not project.has_classes:
        project.set_classes(card.classes)
    project.set_setting("active_model", card.id)
    return card


def _copy_into_project(project: Project, card: ModelCard) -> ModelCard:
    home = path_inside(project.place, f"models/{card.id}")
    if card.is_bundled or card.folder.resolve() == home.resolve():
        return card
    here = card.moved_to(home)
    if home.exists():
        if read_card(home) != here:
            raise ModelError(
                f"The project has another model '{card.id}' already. Give the one in '{card.folder}' another id in its "
                "card.toml."
            )
        return here
    beside = home.with_name(f".{home.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        shutil.copytree(card.folder, beside)
        beside.rename(home)
    except OSError as error:
        raise ModelError(
            f"The model '{card.id}' can't be copied into the project: {error.strerror or error}."
        ) from error
    return here
