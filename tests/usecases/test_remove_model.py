"""A model is removed whole or stays whole."""

import shutil
from pathlib import Path

import pytest

from unet_studio.core.models.cards import ModelCard, project_models, read_card
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError
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
