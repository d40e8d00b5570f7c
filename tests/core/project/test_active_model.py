"""A project's model fits its classes and moves with the project."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import ModelCard, project_models, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.active_model import active_model, use_model
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError


@pytest.fixture
def elsewhere(tmp_path: Path) -> ModelCard:
    """A model's folder outside the project; nothing here reads its weights."""
    card = ModelCard("other", "Other", make_classes("cell"), Normalisation(1), {}, tmp_path / "models" / "other")
    card.folder.mkdir(parents=True)
    card.weights.write_bytes(b"weights")
    card.write()
    return card


@pytest.fixture
def fresh(folder: Path) -> Iterator[Project]:
    """A project in which nobody chose anything."""
    with Project.open(folder) as project:
        yield project


def test_without_a_model_the_sentence_lists_the_starter_models(fresh: Project) -> None:
    with pytest.raises(ModelError, match=r"no model yet.*nuclei-fluorescence"):
        active_model(fresh)


def test_a_fresh_project_takes_over_the_classes(fresh: Project) -> None:
    card = use_model(fresh, "nuclei-fluorescence")
    assert fresh.has_classes
    assert [c.name for c in fresh.classes()] == ["background", "nucleus"]
    assert active_model(fresh) == card


def test_a_model_from_elsewhere_is_copied_into_the_project(fresh: Project, elsewhere: ModelCard) -> None:
    card = use_model(fresh, str(elsewhere.folder))
    shutil.rmtree(elsewhere.folder)
    assert card.folder == fresh.place / "models" / "other"
    assert card.weights.read_bytes() == b"weights"
    assert active_model(fresh) == card == read_card(card.folder)
    assert project_models(fresh.place) == [card]


def test_the_same_model_may_be_used_again_but_no_other_of_its_name(fresh: Project, elsewhere: ModelCard) -> None:
    use_model(fresh, str(elsewhere.folder))
    use_model(fresh, str(elsewhere.folder))
    replace(elsewhere, title="Changed").write()
    with pytest.raises(ModelError, match="another model 'other' already"):
        use_model(fresh, str(elsewhere.folder))


def test_labels_keep_their_classes(
    project: Project, elsewhere: ModelCard, paint: Callable[[str, NDArray[np.uint8]], None]
) -> None:
    paint("a.png", np.ones((64, 64), np.uint8))
    with pytest.raises(ModelError, match="knows cell, but this project has spot"):
        use_model(project, str(elsewhere.folder))
    assert not project.active_model


def test_an_id_that_leads_out_of_the_project_is_refused(fresh: Project, elsewhere: ModelCard) -> None:
    card = elsewhere.folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"other"', '"../../escaped"'), encoding="utf-8")
    with pytest.raises(ModelError, match="can't be a model's id"):
        use_model(fresh, str(elsewhere.folder))


def test_an_unfinished_copy_is_no_model(fresh: Project, elsewhere: ModelCard) -> None:
    shutil.copytree(elsewhere.folder, fresh.place / "models" / ".other.part")
    assert project_models(fresh.place) == []
