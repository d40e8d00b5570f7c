"""`propose` and `clean` do their job on real slides with a real network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from typer.testing import Result

from unet_studio.core.cleaning.steps import format_steps
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import Project

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]


def test_without_a_model_propose_names_the_starter_models(refused: Refused, folder: Path) -> None:
    assert "nuclei-fluorescence" in refused("propose", folder)


def test_propose_proposes_what_is_missing(ask: Ask, refused: Refused, folder: Path, bright: ModelCard) -> None:
    first = ask("propose", folder, "--model", bright.folder, "--slides", "sub/*")
    assert first == {"model": "bright", "proposed": 1, "skipped": 0, "failed": []}
    assert ask("propose", folder) == {"model": "bright", "proposed": 2, "skipped": 1, "failed": []}
    assert ask("propose", folder, "--overwrite")["proposed"] == 3
    assert "No slide" in refused("propose", folder, "--slides", "*.svs")


def test_propose_with_flips_proposes_again_what_was_proposed_without(ask: Ask, proposed: Path) -> None:
    assert ask("propose", proposed, "--flips", "--slides", "a.png")["proposed"] == 1
    content = ask("propose", proposed, "--flips")
    assert (content["proposed"], content["skipped"]) == (2, 1)
    flips = [find_proposal(proposed / "unet-studio", "bright", PlaneId(slide)).flips for slide in ("a.png", "b.png")]
    assert flips == [True, True]


def test_a_slide_that_cant_be_read_doesnt_stop_the_others(ask: Ask, folder: Path, bright: ModelCard) -> None:
    (folder / "broken.png").write_bytes(b"no image")
    content = ask("propose", folder, "--model", bright.folder, exit_code=1)
    assert content["proposed"] == 3
    (failed,) = content["failed"]
    assert failed["slide"] == "broken.png"
    assert "can't be read" in failed["problem"]


def test_clean_stores_the_recipe_and_says_what_it_changes(
    ask: Ask, refused: Refused, proposed: Path, tmp_path: Path
) -> None:
    content = ask("clean", proposed, "--steps", "dilate:2", "--preview", tmp_path / "preview")
    assert content["steps"] == "dilate:disk:2"
    assert [area["slide"] for area in content["slides"]] == ["a.png", "b.png", "sub/c.png"]
    assert all(area["after"] > area["before"] > 0 for area in content["slides"])
    assert cv2.imread(str(tmp_path / "preview" / "sub" / "c.png")).shape == (64, 64, 3)
    with Project.open(proposed) as project:
        assert len(project.steps()) == 1
    assert "There is no clean-up operation" in refused("clean", proposed, "--steps", "blur:3")


def test_clean_tunes_a_watershed_on_what_is_reviewed(
    run: Run, ask: Ask, refused: Refused, proposed: Path, truth: Path
) -> None:
    tuning = ("clean", proposed, "--tune", "watershed-distance@1")
    assert "nothing to tune the watershed on" in refused(*tuning)
    ask("clean", proposed, "--steps", "dilate:5,watershed-distance:50:100@1")
    ask("import", proposed, "--masks", truth)
    content = ask(*tuning)
    tuned = content["tuned"]
    assert (tuned["planes"], len(tuned["tried"]), tuned["better"]) == (3, 20, True)
    assert tuned["v_rand"] == max(trial["v_rand"] for trial in tuned["tried"]) > tuned["v_rand_before"]
    assert content["steps"] == f"dilate:disk:5,{tuned['best']}"
    assert [area["slide"] for area in content["slides"]] == ["a.png", "b.png", "sub/c.png"]
    with Project.open(proposed) as project:
        assert format_steps(project.steps()) == content["steps"]
    text = run(*tuning).stdout
    assert "V-Rand on 3 labelled planes, by smoothing (rows) and height (columns):" in text
    assert f"None is better than the {tuned['v_rand']:.4f} of the recipe, which stays as it was." in text
    with Project.open(proposed) as project:
        assert format_steps(project.steps()) == content["steps"]


def test_clean_says_what_it_can_tune(run: Run, refused: Refused, proposed: Path) -> None:
    for arguments in ([], ["--steps", "open:1", "--tune", "watershed"]):
        assert run("clean", proposed, *arguments).exit_code == 2
    assert "can't be tuned" in refused("clean", proposed, "--tune", "open")
    for wrong in ("watershed@", "watershed@spot"):
        assert "the number of a class" in refused("clean", proposed, "--tune", wrong)
