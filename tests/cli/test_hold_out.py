"""`hold-out` lists and changes the slides that judge, and `retrain` says before what it can learn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typer.testing import Result

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.project.store import Project

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]
Paint = Callable[[str, NDArray[np.uint8]], None]


def test_slides_are_held_out_and_let_go_by_hand(run: Run, ask: Ask, refused: Refused, folder: Path) -> None:
    assert "No slide is held out; about one in five is at the first retraining." in run("hold-out", folder).stdout
    content = ask("hold-out", folder, "add", "sub/*")
    assert [one["slide"] for one in content["hold_out"]] == ["sub/c.png"]
    assert content["said"] == "No model learned from sub/c.png: reviewed as a whole, it judges fairly."
    assert "Until one of them is reviewed as a whole no model can be judged." in run("hold-out", folder).stdout
    assert ask("hold-out", folder, "add", "sub/c.png")["said"] == "Nothing changes: they are held out already."
    content = ask("hold-out", folder, "remove", "*.png")
    assert content["hold_out"] == []
    assert "It no longer judges; scores before and after can't be compared." in content["said"]
    assert "None of them is held out." in run("hold-out", folder, "remove", "a.png").stdout
    assert "No slide matches z*." in refused("hold-out", folder, "add", "z*")
    assert run("hold-out", folder, "add").exit_code == 2
    assert run("hold-out", folder, "list", "a.png").exit_code == 2


def test_what_models_learned_from_is_said(ask: Ask, folder: Path, project: Project) -> None:
    project.mark_learned(["a.png"])
    content = ask("hold-out", folder, "add", "a.png")
    assert content["said"] == "Models so far learned from a.png, so the next comparison favours the old one."
    assert content["hold_out"] == [{"slide": "a.png", "reviewed": False, "labelled": False, "learned": True}]


def test_groups_are_stated_and_stay_together(ask: Ask, refused: Refused, folder: Path) -> None:
    for name in ("m1_a.png", "m1_b.png", "m2_a.png"):
        cv2.imwrite(str(folder / name), np.zeros((8, 8), np.uint8))
    assert "fewer than 3 subfolders" in ask("hold-out", folder)["groups"]
    assert "up to the first '_'" in ask("hold-out", folder, "--group", "prefix:_")["groups"]
    content = ask("hold-out", folder, "add", "m1_a.png")
    assert [one["slide"] for one in content["hold_out"]] == ["m1_a.png", "m1_b.png"]
    assert "can't be grouped by 'animal'" in refused("hold-out", folder, "--group", "animal")


def test_retrain_says_before_what_it_can_learn(
    run: Run, ask: Ask, proposed: Path, paint: Paint, recipe_file: Path
) -> None:
    labels = np.full((64, 64), UNLABELLED, np.uint8)
    labels[:20] = 0
    paint("a.png", labels)
    content = ask("retrain", proposed, "--recipe", recipe_file, "--set", "schedule.rounds=1")
    assert content["lesson"][0].startswith("You only took things away.")
    assert content["judged"][0] == "1 slide teaches; 1 is held out, and 0 of them judge."
    assert content["hold_out"] in (["b.png"], ["sub/c.png"])
    assert f"review {content['hold_out'][0]} as a whole" in content["judged"][1]
    result = run("retrain", proposed, "--recipe", recipe_file, "--set", "schedule.rounds=1")
    assert "You only took things away." in result.stderr


def test_a_first_model_of_one_class_is_refused_before_anything_changes(
    refused: Refused, folder: Path, project: Project, paint: Paint
) -> None:
    labels = np.full((64, 64), UNLABELLED, np.uint8)
    labels[:20] = 1
    paint("a.png", labels)
    assert "Paint some background too, on a.png" in refused("retrain", folder)
    assert (project.hold_out(), project.learned()) == (frozenset(), None)
    assert not (project.place / "models").exists()
