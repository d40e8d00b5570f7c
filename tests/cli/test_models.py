"""`models` lists, uses, notes, removes and draws models, and keeps the rule for what is too close to call."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from typer.testing import Result

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import proposed_planes
from unet_studio.core.models.cards import ModelCard, project_models
from unet_studio.core.project.store import Project

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]


@pytest.fixture
def folder_of_two(ask: Ask, proposed: Path, bright: ModelCard, change_card: Callable[..., ModelCard]) -> Path:
    """The folder of slides with two models: 'bright', which is in use, and 'second', which began with it."""
    copied = proposed / "unet-studio" / "models" / "second"
    shutil.copytree(bright.folder, copied)
    change_card(
        bright.moved_to(copied), id="second", title="Second", parent="bright", created="2026-11-21T02:25:36+00:00",
        data="3 slides, 12288 labelled pixels, labels 0123", scores={"dice": 0.875, "judged_on": "hold-out"},
    )  # fmt: skip
    ask("models", proposed, "use", "bright")
    return proposed


def listed(ask: Ask, folder: Path, model: str) -> dict[str, Any]:
    content = ask("models", folder)
    (card,) = [card for card in content["models"] if card["id"] == model]
    return dict(card)


def test_the_list_has_all_there_is_to_know(run: Run, ask: Ask, folder_of_two: Path) -> None:
    card = listed(ask, folder_of_two, "second")
    assert (card["parent"], card["dice"], card["judged_on"], card["note"]) == ("bright", 0.875, "hold-out", "")
    assert card["data"] == "3 slides, 12288 labelled pixels, labels 0123"
    lines = run("models", folder_of_two).stdout.splitlines()
    (row,) = [line for line in lines if "second" in line]
    for column in ("2026-11-2", "bright", "spot", "3 slides", "0.8750", "hold-out"):
        assert column in row
    assert any("* bright" in line and " – " in line for line in lines), "one without a score has a dash"


def test_a_note_stays_beside_its_model_until_it_is_taken_away(
    run: Run, ask: Ask, refused: Refused, folder_of_two: Path
) -> None:
    ask("models", folder_of_two, "note", "second", "good on", "blurred slides")
    assert listed(ask, folder_of_two, "second")["note"] == "good on blurred slides"
    assert "blurred" in run("models", folder_of_two).stdout
    ask("models", folder_of_two, "note", "second", "")
    assert listed(ask, folder_of_two, "second")["note"] == ""
    assert "is a starter model" in refused("models", folder_of_two, "note", "nuclei-fluorescence", "mine")
    assert run("models", folder_of_two, "note", "second").exit_code == 2


def test_a_removed_model_goes_with_its_proposals_and_nothing_else_does(
    run: Run, ask: Ask, refused: Refused, folder_of_two: Path, bright: ModelCard, truth: Path
) -> None:
    place = folder_of_two / "unet-studio"
    ask("import", folder_of_two, "--masks", truth)
    ask("propose", folder_of_two, "--model", "second")
    kept = place / "kept" / "second" / "a.png" / "00000.tiles"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert PlaneId("a.png") in proposed_planes(place, "second")
    ask("models", folder_of_two, "use", "bright")
    with Project.open(folder_of_two) as project:
        before = project.states()
    removed = ask("models", folder_of_two, "remove", "second")
    assert removed == {"removed": "second", "began_with_it": [], "active_model": "bright"}
    assert [card.id for card in project_models(place)] == ["bright"]
    assert not proposed_planes(place, "second")
    assert proposed_planes(place, "bright"), "those of another model stay"
    assert kept.is_file(), "what was corrected stays a part of its mask"
    with Project.open(folder_of_two) as project:
        assert project.states() == before
    assert "There is no model" in refused("models", folder_of_two, "use", "second")


def test_removing_says_where_its_weights_stay(run: Run, ask: Ask, folder_of_two: Path) -> None:
    ask("models", folder_of_two, "use", "second")
    text = run("models", folder_of_two, "remove", "bright").stdout
    assert "second began with it; its weights stay in that." in text
    assert listed(ask, folder_of_two, "second")["parent"] == "bright", "where it comes from is still known"


def test_two_models_are_compared(run: Run, ask: Ask, refused: Refused, folder_of_two: Path, truth: Path) -> None:
    ask("import", folder_of_two, "--masks", truth)
    with Project.open(folder_of_two) as project:
        project.add_hold_out(["b.png", "sub/c.png"])
    content = ask("models", folder_of_two, "compare", "bright", "second")
    assert (content["compared_with"], content["model"], content["verdict"]) == ("bright", "second", "too close to call")
    assert content["dice"] == content["dice_before"] > 0.9
    assert content["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "over": "slides", "units": 2}
    assert content["learned_unknown"] == ["bright", "second"]
    assert content["sentences"][0].startswith(
        "'Bright' and 'Second' are too close to call: Dice 1.0000 on the hold-out, "
    )
    assert "Traceback" not in refused("models", folder_of_two, "compare", "bright", "axon-myelin")
    for models in (["bright"], ["bright", "second", "third"]):
        assert run("models", folder_of_two, "compare", *models).exit_code == 2


def test_the_model_in_use_starters_and_others_are_not_removed(
    refused: Refused, folder_of_two: Path, bright: ModelCard
) -> None:
    assert "is the model in use. Choose another one first" in refused("models", folder_of_two, "remove", "bright")
    assert "is a starter model" in refused("models", folder_of_two, "remove", "axon-myelin")
    assert "is not part of this project" in refused("models", folder_of_two, "remove", bright.folder)
    assert bright.weights.is_file()


def test_the_rule_is_kept(run: Run, ask: Ask, proposed: Path) -> None:
    assert ask("models", proposed)["too_close"] == "if-corrections-kept"
    for rule in ("never", "always", "if-corrections-kept"):
        assert ask("models", proposed, "rule", rule)["too_close"] == rule
        assert ask("models", proposed)["too_close"] == rule
    wrong = run("models", proposed, "rule", "sometimes")
    assert wrong.exit_code == 2
    assert "if-corrections-kept" in wrong.stderr


def test_a_training_goes_on_from_a_model_that_is_not_in_use_and_no_name_is_used_twice(
    run: Run, ask: Ask, refused: Refused, folder_of_two: Path, truth: Path, recipe_file: Path, tmp_path: Path
) -> None:
    ask("import", folder_of_two, "--masks", truth)
    ask("models", folder_of_two, "rule", "never")
    training = ("retrain", folder_of_two, "--recipe", recipe_file, "--set", "schedule.rounds=1")
    first = ask(*training, "--model", "second")
    assert (first["parent"], first["compared_with"]) == ("second", "bright"), (
        "it would take the place of the one in use"
    )
    assert (first["verdict"], first["active_model"]) == ("not judged", "bright"), (
        "the rule decides what can't be judged"
    )
    ask("models", folder_of_two, "remove", first["model"])
    ask("models", folder_of_two, "rule", "always")
    again = ask(*training, "--model", "second")
    assert again["model"] != first["model"], "what was said of a removed model is never said of another"
    assert (again["verdict"], again["active_model"]) == ("not judged", again["model"])
    assert "There is no model 'nothing'" in refused("retrain", folder_of_two, "--model", "nothing")
    for option in ("--from-scratch", "--resume"):
        assert run("retrain", folder_of_two, "--model", "second", option).exit_code == 2
    drawn = ask("models", folder_of_two, "sheet", again["model"], "--out", tmp_path / "pictures")
    assert all(cv2.imread(drawn[picture]) is not None for picture in ("sheet", "curves"))
    assert run("models", folder_of_two, "sheet", again["model"]).exit_code == 2
    assert run("models", folder_of_two, "use", "second", "--out", tmp_path).exit_code == 2
