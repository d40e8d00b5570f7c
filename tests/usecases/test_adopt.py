"""A new model takes the active one's place by the gate alone, whoever asks."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.core.scoring.judging import better_than, compared
from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import TooClose, Verdict
from unet_studio.protocol.values import Retrained, Round
from unet_studio.usecases.adopt import adopt


def trained(rival: str, *, better: bool = True) -> Retrained:
    rounds = (Round(0, 1, 0.5, 0.5, 0.0, kept=True), Round(1, 1, 0.4, 0.9, 1.0, kept=True))
    comparison = better_than(rival, classes=2, better=better) if rival else None
    return Retrained("new", rival, ("background", "spot"), 5, rounds, comparison)


@pytest.fixture
def with_model(project: Project, bright: ModelCard) -> Project:
    use_model(project, str(bright.folder))
    return project


def test_a_better_model_is_active_afterwards(with_model: Project) -> None:
    assert adopt(with_model, trained("bright")).verdict is Verdict.BETTER
    assert with_model.active_model == "new"


def test_a_worse_one_is_not(with_model: Project) -> None:
    assert adopt(with_model, trained("bright", better=False)).verdict is Verdict.WORSE
    assert with_model.active_model == "bright"


def test_one_that_was_compared_with_another_is_not(with_model: Project) -> None:
    assert adopt(with_model, trained("")).verdict is Verdict.OTHER_RIVAL
    assert with_model.active_model == "bright"


def test_a_class_that_was_renamed_during_the_training_keeps_it_out(with_model: Project) -> None:
    with_model.set_classes(make_classes("nucleus"))
    assert adopt(with_model, trained("bright")).verdict is Verdict.OTHER_CLASSES
    assert with_model.active_model == "bright"


def test_an_active_model_that_cant_be_used_stands_in_nobodys_way(
    with_model: Project, bright: ModelCard, change_card: Callable[..., ModelCard]
) -> None:
    with_model.set_setting("active_model", "removed")
    assert adopt(with_model, trained("")).verdict is Verdict.FIRST
    assert with_model.active_model == "new"


@pytest.mark.parametrize("rule", list(TooClose))
def test_what_the_hold_out_cant_judge_follows_the_rule_that_the_project_keeps(
    with_model: Project, rule: TooClose
) -> None:
    with_model.set_setting("too_close", rule)
    judgement = adopt(with_model, replace(trained("bright"), comparison=compared(rival="bright")))
    assert (judgement.verdict, judgement.rule) == (Verdict.NOT_JUDGED, rule)
    assert with_model.active_model == ("bright" if rule is TooClose.NEVER else "new")


@pytest.mark.parametrize("setting", ["", "a rule of a later version"])
def test_an_unknown_rule_is_the_first(setting: str) -> None:
    assert TooClose.read(setting) is TooClose.IF_KEPT
