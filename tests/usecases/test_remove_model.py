"""A model is removed whole or stays whole."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.models.cards import ModelCard, project_models, read_card
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError
from unet_studio.protocol.values import NO_PROGRESS, Event, Progress, Round
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.retraining import resume, retrain
from unet_studio.usecases.remove_model import RemovedModel, remove_model


@pytest.fixture
def copied(project: Project, bright: ModelCard) -> ModelCard:
    """A model of the project that isn't in use."""
    return use_model(project, str(bright.folder))


def test_it_is_gone_and_those_that_began_with_it_are_named(project: Project, copied: ModelCard) -> None:
    for name in ("second", "third"):
        folder = project.place / "models" / name
        shutil.copytree(copied.folder, folder)
        ModelCard(
            name, name, copied.classes, copied.normalisation, copied.recipe, folder, created=name, parent="bright"
        ).write()
    project.set_setting("active_model", "third")
    assert remove_model(project, "bright") == RemovedModel("bright", "Bright", ("second", "third"))
    assert [card.id for card in project_models(project.place)] == ["second", "third"]
    assert sorted(folder.name for folder in (project.place / "models").iterdir()) == ["second", "third"]


def test_one_that_cant_be_moved_stays_whole(
    project: Project, copied: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.set_setting("active_model", "")
    proposal = project.place / "proposals" / "bright" / "a.png" / "00000.tiles"
    proposal.parent.mkdir(parents=True)
    proposal.touch()

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ModelError, match=r"could not be removed .*Permission denied.*ask for permission"):
        remove_model(project, "bright")
    assert read_card(project.place / "models" / "bright").weights.is_file()
    assert proposal.is_file()


class Interrupted(Progress):
    """Ends a training as a crash would, before its second round is kept."""

    def report(self, done: float, text: str) -> None:
        pass

    def event(self, event: Event) -> None:
        if isinstance(event, Round) and event.round == 2:
            raise KeyboardInterrupt

    def cancelled(self) -> bool:
        return False


@pytest.fixture
def interrupt(
    project: Project,
    copied: ModelCard,
    paint: Callable[[str, NDArray[np.uint8]], None],
    truths: dict[str, NDArray[np.uint8]],
    recipe: Recipe,
) -> Callable[[float], None]:
    """Have a training from the model interrupted, in which it teaches by some weight; afterwards it isn't in use."""

    def begin(teacher: float) -> None:
        paint("a.png", truths["a.png"])
        with pytest.raises(KeyboardInterrupt):
            taught = replace(recipe, loss=replace(recipe.loss, teacher=teacher))
            retrain(project, copied, taught, Interrupted())
        project.set_setting("active_model", "")

    return begin


def test_one_that_an_interrupted_training_needs_stays_until_that_is_finished(
    project: Project, interrupt: Callable[[float], None]
) -> None:
    interrupt(0.25)
    with pytest.raises(ModelError, match=r"training of 'Retrained 1', .* began with it.*--resume.*checkpoint.npz"):
        remove_model(project, "bright")
    assert resume(project, NO_PROGRESS).model == "retrained-001"
    assert remove_model(project, "bright").began_with_it == ("retrained-001",)


def test_an_interrupted_training_is_given_up_with_it_where_that_is_asked_for(
    project: Project, interrupt: Callable[[float], None]
) -> None:
    interrupt(0.25)
    remove_model(project, "bright", gives_up=True)
    with pytest.raises(ModelError, match="No training of this project was interrupted"):
        resume(project, NO_PROGRESS)


def test_an_interrupted_training_that_it_does_not_teach_goes_on_without_it(
    project: Project, interrupt: Callable[[float], None]
) -> None:
    interrupt(0.0)
    remove_model(project, "bright")
    assert resume(project, NO_PROGRESS).model == "retrained-001"
