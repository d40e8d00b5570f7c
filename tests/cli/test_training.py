"""`retrain` does its job on real slides with a real network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]


def test_retrain_compares_on_a_hold_out(
    run: Run, ask: Ask, refused: Refused, proposed: Path, truth: Path, recipe_file: Path
) -> None:
    ask("import", proposed, "--masks", truth)
    content = ask("retrain", proposed, "--recipe", recipe_file, "--set", "schedule.rounds=1")
    model = content["model"]
    assert model.startswith("retrained-")
    assert (content["parent"], content["rounds"]) == ("bright", 1)
    assert content["compared_with"] == "bright"
    assert len(content["hold_out"]) == 1
    assert content["held_out_pixels"] == 64 * 64
    assert content["active_model"] == (model if content["adopted"] else "bright")
    assert content["sentences"][0].startswith(
        "The new model can't be judged: what is reviewed of the held-out slides is"
    )
    assert "Did you mean 'rounds'?" in refused("retrain", proposed, "--set", "schedule.round=1")
    listing = run("models", proposed).stdout
    assert model in listing
    assert f"* {content['active_model']}" in listing
    assert ask("models", proposed, "use", model)["active_model"] == model


def test_an_interrupted_training_is_resumed(
    ask: Ask, refused: Refused, proposed: Path, truth: Path, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No training of this project was interrupted" in refused("retrain", proposed, "--resume")
    ask("import", proposed, "--masks", truth)

    def fail(*_: object) -> None:
        raise StudioError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("unet_studio.unet.training.retraining.publish", fail)
        assert "The disk is full." in refused("retrain", proposed, "--recipe", recipe_file)
    content = ask("retrain", proposed, "--resume")
    assert (content["parent"], content["rounds"], content["compared_with"]) == ("bright", 2, "bright")
    assert content["active_model"] == (content["model"] if content["adopted"] else "bright")


def test_resuming_takes_no_other_recipe(run: Run, proposed: Path) -> None:
    for options in (("--recipe", "starter"), ("--set", "seed=1"), ("--from-scratch",)):
        result = run("retrain", proposed, "--resume", *options)
        assert result.exit_code == 2
        assert "leave out --recipe" in result.stderr


def test_from_scratch_needs_no_model_and_doesnt_replace_one(
    run: Run, ask: Ask, folder: Path, truth: Path, recipe_file: Path, bright: ModelCard
) -> None:
    ask("import", folder, "--masks", truth, "--classes", "spot")
    training = ("retrain", folder, "--recipe", recipe_file, "--from-scratch", "--set", "schedule.rounds=1")
    assert run(*training).stdout.startswith("Trained from scratch for 1 round ")
    ask("models", folder, "use", bright.folder)
    second = ask(*training)
    assert second["active_model"] == "bright"


def test_without_a_model_retrain_trains_a_first_one(ask: Ask, folder: Path, truth: Path) -> None:
    ask("import", folder, "--masks", truth, "--classes", "spot")
    small = ("schedule.rounds=1", "schedule.steps=1", "schedule.patch=32", "architecture.width=2")
    content = ask("retrain", folder, *(word for change in small for word in ("--set", change)))
    assert content["parent"] == ""
    with Project.open(folder) as project:
        assert find_model(content["model"], project.place).recipe["name"] == "from-scratch"
    assert content["active_model"] == (content["model"] if content["adopted"] else "")


def test_a_first_model_that_learned_nothing_is_not_used(
    run: Run, ask: Ask, folder: Path, truth: Path, monkeypatch: pytest.MonkeyPatch, recipe_file: Path
) -> None:
    ask("import", folder, "--masks", truth, "--classes", "spot")
    monkeypatch.setattr("unet_studio.core.scoring.scores.Counts.mean_dice_of_truth", 0.0)
    text = run("retrain", folder, "--recipe", recipe_file).stdout
    assert "The training learned nothing. Its model is not used." in text
    assert "Active: no model" in text
    assert "'retrain FOLDER --model retrained-001' trains the new one longer." in text
    assert ask("models", folder)["active_model"] == ""


def test_retrain_needs_labels(refused: Refused, proposed: Path) -> None:
    assert "Nothing is labelled yet" in refused("retrain", proposed)
