"""A new model takes the active one's place by the gate alone, whoever asks."""

from collections.abc import Callable

import pytest

from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import Verdict
from unet_studio.protocol.values import Retrained, Round
from unet_studio.usecases.adopt import adopt


def trained(parent: str, *, better: bool = True) -> Retrained:
    before = Round(0, 1, 0.5, 0.5, 0.0, kept=True)
    after = Round(1, 1, 0.4, 0.9 if better else 0.1, 1.0, kept=better)
    return Retrained("new", parent, ("background", "spot"), 5, (before, after))


@pytest.fixture
def with_model(project: Project, bright: ModelCard) -> Project:
    use_model(project, str(bright.folder))
    return project


def test_a_better_model_is_active_afterwards(with_model: Project) -> None:
    assert adopt(with_model, trained("bright")) is Verdict.BETTER
    assert with_model.active_model == "new"


def test_one_that_is_no_better_is_not(with_model: Project) -> None:
    assert adopt(with_model, trained("bright", better=False)) is Verdict.NO_BETTER
    assert with_model.active_model == "bright"


def test_one_that_was_compared_with_another_is_not(with_model: Project) -> None:
    assert adopt(with_model, trained("")) is Verdict.OTHER_START
    assert with_model.active_model == "bright"


def test_a_class_that_was_renamed_during_the_training_keeps_it_out(with_model: Project) -> None:
    with_model.set_classes(make_classes("nucleus"))
    assert adopt(with_model, trained("bright")) is Verdict.OTHER_CLASSES
    assert with_model.active_model == "bright"


def test_an_active_model_that_cant_be_used_stands_in_nobodys_way(
    with_model: Project, bright: ModelCard, change_card: Callable[..., ModelCard]
) -> None:
    with_model.set_setting("active_model", "removed")
    assert adopt(with_model, trained("")) is Verdict.BETTER
    assert with_model.active_model == "new"
