"""`evaluate` and `simulate` compare with true masks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from typer.testing import Result

from unet_studio.core.models.cards import project_models

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]


def test_what_cant_be_judged_is_null(ask: Ask, proposed: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    cv2.imwrite(str(tmp_path / "nothing" / "a.png"), np.zeros((64, 64), np.uint8))
    scores = ask("evaluate", proposed, "--truth", tmp_path / "nothing", "--foreground", "255")
    assert scores["pooled"]["dice"] == 0
    assert scores["pooled"]["v_rand"] is None


def test_simulate_judges_on_unseen_slides_and_leaves_no_trace(
    run: Run, ask: Ask, folder: Path, truth: Path, recipe_file: Path, tmp_path: Path
) -> None:
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    curve = tmp_path / "curve.png"
    arguments = ("simulate", folder, "--truth", truth, "--minutes", 0.3, "--recipe", recipe_file)
    content = ask(*arguments, "--seeds", 2, "--ceiling", "--png", curve)
    assert [one["seed"] for one in content["runs"]] == [0, 1]
    for one in content["runs"]:
        assert len(one["pool"]) == 2
        assert len(one["test"]) == 1
        assert 0 <= one["points"][0]["f1"] <= 1
        assert 0 <= one["ceiling"] <= 1
    assert content["medians"][-1]["minutes"] <= 0.3
    assert cv2.imread(str(curve)) is not None
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before
    text = run(*arguments).stdout
    assert "minutes of work" in text
    assert "2 slides to work on, 1 slide to judge on" in text


def test_simulate_says_what_it_lacks(run: Run, refused: Refused, folder: Path, truth: Path) -> None:
    assert "two or more slides" in refused("simulate", folder, "--truth", folder.parent)
    assert "no model 'typo'" in refused("simulate", folder, "--truth", truth, "--start", "typo")
    assert run("simulate", folder, "--truth", truth, "--test-share", "2").exit_code == 2


def test_an_order_and_a_way_of_working_can_be_chosen(
    run: Run, ask: Ask, refused: Refused, folder: Path, truth: Path, recipe_file: Path
) -> None:
    arguments = ("simulate", folder, "--truth", truth, "--minutes", 0.3, "--recipe", recipe_file)
    content = ask(*arguments, "--order", "random", "--way", "dense", "--clicks", 1)
    assert (content["order"], content["way"]) == ("random", "dense")
    (point,) = content["runs"][0]["points"]
    assert point["model"]["f1"] == point["f1"] and point["is_adopted"]
    assert point["model"]["corrected_right"] is None, "nothing was proposed that could be corrected"
    assert run(*arguments, "--order", "best").exit_code == 2
    assert run(*arguments, "--way", "best").exit_code == 2
    assert "Name a model" in refused(*arguments, "--way", "empties")


def test_the_audit_sample_is_drawn_listed_and_never_trained_on(
    run: Run, ask: Ask, refused: Refused, folder: Path, truth: Path, recipe_file: Path
) -> None:
    assert ask("audit", folder)["audit"] == []
    assert "too few" in refused("audit", folder, "--draw", 0)
    assert "neither labelled" in refused("audit", folder, "--draw", 4)
    (drawn,) = ask("audit", folder, "--draw", 1)["audit"]
    assert drawn["drawn"] and not drawn["reviewed"]
    ask("import", folder, "--masks", truth)
    assert ask("audit", folder)["audit"] == [{"slide": drawn["slide"], "reviewed": True, "drawn": False}]
    assert "1 of 3 slides are in the audit sample, 1 of them reviewed." in run("audit", folder).stdout
    content = ask("retrain", folder, "--recipe", recipe_file, "--set", "schedule.rounds=1")
    assert drawn["slide"] not in content["hold_out"]
    (card,) = (card for card in project_models(folder / "unet-studio") if card.id == content["model"])
    assert card.data.startswith("1 slide, "), "one is in the audit sample, and one is held out"
    assert run("audit", folder, "--draw", -1).exit_code == 2
