"""The commands do their job on real slides with a real network, and say in a sentence what they can't do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from unet_studio import doctor
from unet_studio.__main__ import COMMANDS
from unet_studio._terminal import Follower
from unet_studio.cli import app
from unet_studio.core.cleaning.clean_up import format_steps
from unet_studio.core.exchange.mask_files import read_mask
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError

Mask = NDArray[np.uint8]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ask(*arguments: object, exit_code: int = 0) -> dict[str, Any]:
    """The one JSON object that a command answers with."""
    result = run(*arguments, "--json")
    assert result.exit_code == exit_code, result.stderr
    content = json.loads(result.stdout)
    assert isinstance(content, dict)
    return content


def refused(*arguments: object) -> str:
    """The sentence with which a command refuses; nothing is on stdout, and nobody sees a traceback."""
    result = run(*arguments)
    assert result.exit_code == 1
    assert not result.stdout
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def truth(tmp_path: Path, truths: dict[str, Mask]) -> Path:
    for slide, mask in truths.items():
        file = tmp_path / "truth" / slide
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), mask * 255)
    return tmp_path / "truth"


@pytest.fixture
def proposed(folder: Path, bright: ModelCard) -> Path:
    """The folder of slides, proposed."""
    ask("propose", folder, "--model", bright.folder)
    return folder


def test_every_command_is_listed_and_has_help() -> None:
    listing = run("--help").stdout
    for command in COMMANDS:
        assert f"  {command} " in listing
        assert run(command, "--help").exit_code == 0


def test_a_wrong_option_is_a_usage_error(folder: Path) -> None:
    for arguments in (["nothing"], ["export", folder], ["export", folder, "--out", "x", "--format", "gif"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("Usage:")
    assert run("models", folder, "use").exit_code == 2


def test_a_folder_that_isnt_there_stays_that_way(tmp_path: Path) -> None:
    assert "There is no folder" in refused("propose", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_without_a_model_propose_names_the_starter_models(folder: Path) -> None:
    assert "nuclei-fluorescence" in refused("propose", folder)


def test_propose_proposes_what_is_missing(folder: Path, bright: ModelCard) -> None:
    first = ask("propose", folder, "--model", bright.folder, "--slides", "sub/*")
    assert first == {"model": "bright", "proposed": 1, "skipped": 0, "failed": []}
    assert ask("propose", folder) == {"model": "bright", "proposed": 2, "skipped": 1, "failed": []}
    assert ask("propose", folder, "--overwrite")["proposed"] == 3
    assert "No slide" in refused("propose", folder, "--slides", "*.svs")


def test_propose_with_flips_proposes_again_what_was_proposed_without(proposed: Path) -> None:
    assert ask("propose", proposed, "--flips", "--slides", "a.png")["proposed"] == 1
    content = ask("propose", proposed, "--flips")
    assert (content["proposed"], content["skipped"]) == (2, 1)
    flips = [find_proposal(proposed / "unet-studio", "bright", PlaneId(slide)).flips for slide in ("a.png", "b.png")]
    assert flips == [True, True]


def test_a_slide_that_cant_be_read_doesnt_stop_the_others(folder: Path, bright: ModelCard) -> None:
    (folder / "broken.png").write_bytes(b"no image")
    content = ask("propose", folder, "--model", bright.folder, exit_code=1)
    assert content["proposed"] == 3
    (failed,) = content["failed"]
    assert failed["slide"] == "broken.png"
    assert "can't be read" in failed["problem"]


def test_clean_stores_the_recipe_and_says_what_it_changes(proposed: Path, tmp_path: Path) -> None:
    content = ask("clean", proposed, "--steps", "dilate:2", "--preview", tmp_path / "preview")
    assert content["steps"] == "dilate:disk:2"
    assert [area["slide"] for area in content["slides"]] == ["a.png", "b.png", "sub/c.png"]
    assert all(area["after"] > area["before"] > 0 for area in content["slides"])
    assert cv2.imread(str(tmp_path / "preview" / "sub" / "c.png")).shape == (64, 64, 3)
    with Project.open(proposed) as project:
        assert len(project.steps()) == 1
    assert "There is no clean-up operation" in refused("clean", proposed, "--steps", "blur:3")


def test_clean_tunes_a_watershed_on_what_is_reviewed(proposed: Path, truth: Path) -> None:
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


def test_clean_says_what_it_can_tune(proposed: Path) -> None:
    for arguments in ([], ["--steps", "open:1", "--tune", "watershed"]):
        assert run("clean", proposed, *arguments).exit_code == 2
    assert "can't be tuned" in refused("clean", proposed, "--tune", "open")
    for wrong in ("watershed@", "watershed@spot"):
        assert "the number of a class" in refused("clean", proposed, "--tune", wrong)


def test_what_is_proposed_is_exported_and_evaluated(
    proposed: Path, truth: Path, truths: dict[str, Mask], tmp_path: Path
) -> None:
    assert "--state any" in refused("export", proposed, "--out", tmp_path / "out")
    content = ask("export", proposed, "--out", tmp_path / "out", "--state", "any", "--values", "binary")
    assert content["files"] == [str(tmp_path / "out" / slide) for slide in truths]
    mask = read_mask(tmp_path / "out" / "sub" / "c.png")
    assert (mask == truths["sub/c.png"] * 255).mean() > 0.9
    scores = ask("evaluate", proposed, "--truth", truth)
    assert [slide["slide"] for slide in scores["slides"]] == list(truths)
    assert 0.8 < scores["pooled"]["dice"] <= 1
    table = run("evaluate", proposed, "--truth", truth).stdout
    assert table.splitlines()[-1].startswith("pooled")


def test_what_cant_be_judged_is_null(proposed: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    cv2.imwrite(str(tmp_path / "nothing" / "a.png"), np.zeros((64, 64), np.uint8))
    scores = ask("evaluate", proposed, "--truth", tmp_path / "nothing", "--foreground", "255")
    assert scores["pooled"]["dice"] == 0
    assert scores["pooled"]["v_rand"] is None


def test_imported_masks_become_labels(folder: Path, truth: Path) -> None:
    (truth / "b.png").unlink()
    cv2.imwrite(str(truth / "a.png"), np.zeros((5, 7), np.uint8))
    content = ask("import", folder, "--masks", truth, "--classes", "spot", exit_code=1)
    assert content["imported"] == ["sub/c.png"]
    assert "its slide 'a.png' is 64 × 64" in content["failed"][0]["problem"]
    with Project.open(folder) as project:
        assert [c.name for c in project.classes()] == ["background", "spot"]
        assert list(project.states().values()) == [PlaneState.REVIEWED]
        assert (project.place / "masks" / "sub" / "c.png").exists()
    assert "has classes already: spot" in refused("import", folder, "--masks", truth, "--classes", "cell")


def test_what_the_values_of_masks_mean_can_be_said(proposed: Path, truth: Path, truths: dict[str, Mask]) -> None:
    for slide, mask in truths.items():
        cv2.imwrite(str(truth / slide), np.where(mask == 1, 130, 3).astype(np.uint8))
    meant = ("--meaning", "0=background,127=spot")
    assert "3 (" in ask("import", proposed, "--masks", truth, *meant, exit_code=1)["failed"][0]["problem"]
    content = ask("import", proposed, "--masks", truth, *meant, "--nearest")
    assert content["imported"] == list(truths)
    scores = ask("evaluate", proposed, "--truth", truth, *meant, "--nearest")
    assert scores["pooled"]["dice"] == 1
    for wrong in (["--nearest"], [*meant, "--foreground", "3"]):
        assert "either --foreground or --meaning" in refused("evaluate", proposed, "--truth", truth, *wrong)
    assert "names no class" in refused("import", proposed, "--masks", truth, "--meaning", "0=tree")


def test_a_model_is_drawn(proposed: Path, truth: Path, recipe_file: Path, tmp_path: Path) -> None:
    ask("import", proposed, "--masks", truth)
    model = ask("retrain", proposed, "--recipe", recipe_file, "--set", "schedule.rounds=1")["model"]
    drawn = ask("models", proposed, "sheet", model, "--out", tmp_path / "pictures")
    assert all(cv2.imread(drawn[picture]) is not None for picture in ("sheet", "curves"))
    assert run("models", proposed, "sheet", model).exit_code == 2
    assert run("models", proposed, "use", model, "--out", tmp_path).exit_code == 2


def test_retrain_compares_on_a_hold_out(proposed: Path, truth: Path, recipe_file: Path) -> None:
    ask("import", proposed, "--masks", truth)
    content = ask("retrain", proposed, "--recipe", recipe_file, "--set", "schedule.rounds=1")
    model = content["model"]
    assert model.startswith("retrained-")
    assert (content["parent"], content["rounds"]) == ("bright", 1)
    assert content["compared"]
    assert len(content["hold_out"]) == 1
    assert content["active_model"] == (model if content["preferred"] else "bright")
    assert "Did you mean 'rounds'?" in refused("retrain", proposed, "--set", "schedule.round=1")
    listing = run("models", proposed).stdout
    assert model in listing
    assert f"* {content['active_model']}" in listing
    assert ask("models", proposed, "use", model)["active_model"] == model


def test_an_interrupted_training_is_resumed(
    proposed: Path, truth: Path, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No training of this project was interrupted" in refused("retrain", proposed, "--resume")
    ask("import", proposed, "--masks", truth)

    def fail(*_: object) -> None:
        raise StudioError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("unet_studio.unet.training.retraining.publish", fail)
        assert "The disk is full." in refused("retrain", proposed, "--recipe", recipe_file)
    content = ask("retrain", proposed, "--resume")
    assert (content["parent"], content["rounds"], content["compared"]) == ("bright", 2, True)
    assert content["active_model"] == (content["model"] if content["preferred"] else "bright")


def test_resuming_takes_no_other_recipe(proposed: Path) -> None:
    for options in (("--recipe", "starter"), ("--set", "seed=1"), ("--from-scratch",)):
        result = run("retrain", proposed, "--resume", *options)
        assert result.exit_code == 2
        assert "leave out --recipe" in result.stderr


def test_from_scratch_needs_no_model_and_doesnt_replace_one(
    folder: Path, truth: Path, recipe_file: Path, bright: ModelCard
) -> None:
    ask("import", folder, "--masks", truth, "--classes", "spot")
    training = ("retrain", folder, "--recipe", recipe_file, "--from-scratch", "--set", "schedule.rounds=1")
    assert run(*training).stdout.startswith("Trained from scratch for 1 round ")
    ask("models", folder, "use", bright.folder)
    second = ask(*training)
    assert second["active_model"] == "bright"


def test_without_a_model_retrain_trains_a_first_one(folder: Path, truth: Path) -> None:
    ask("import", folder, "--masks", truth, "--classes", "spot")
    small = ("schedule.rounds=1", "schedule.steps=1", "schedule.patch=32", "architecture.width=2")
    content = ask("retrain", folder, *(word for change in small for word in ("--set", change)))
    assert content["parent"] == ""
    with Project.open(folder) as project:
        assert find_model(content["model"], project.place).recipe["name"] == "from-scratch"
    assert content["active_model"] == (content["model"] if content["preferred"] else "")


def test_a_first_model_that_learned_nothing_is_not_used(
    folder: Path, truth: Path, monkeypatch: pytest.MonkeyPatch, recipe_file: Path
) -> None:
    ask("import", folder, "--masks", truth, "--classes", "spot")
    monkeypatch.setattr("unet_studio.unet.training.retraining.Retrained.preferred", False)
    text = run("retrain", folder, "--recipe", recipe_file).stdout
    assert "is no better than a network that learned nothing, so it isn't used" in text
    assert ask("models", folder)["active_model"] == ""


def test_retrain_needs_labels(proposed: Path) -> None:
    assert "Nothing is labelled yet" in refused("retrain", proposed)


def test_a_project_in_use_is_not_written_but_can_be_exported(proposed: Path, tmp_path: Path) -> None:
    with writing(proposed / "unet-studio"):
        assert "open in another window or command" in refused("clean", proposed, "--steps", "open:1")
        assert len(ask("export", proposed, "--out", tmp_path / "out", "--state", "any")["files"]) == 3


def test_the_project_may_be_kept_elsewhere(folder: Path, bright: ModelCard, tmp_path: Path) -> None:
    (folder / "unet-studio").write_text("in the way")
    assert "Name it with --project DIR" in refused("models", folder)
    ask("propose", folder, "--model", bright.folder, "--project", tmp_path / "place")
    assert (tmp_path / "place" / "proposals" / "bright" / "a.png").is_dir()


def test_too_little_memory_is_a_sentence(folder: Path, bright: ModelCard, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr("unet_studio.worker.jobs.Jobs.propose", fail)
    said = refused("propose", folder, "--model", bright.folder)
    assert said.startswith("The network ran out of memory. Close other programs")


def test_the_doctor_measures_and_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, bright: ModelCard) -> None:
    monkeypatch.setattr(doctor, "bundled_models", lambda: [bright])
    monkeypatch.setattr(doctor, "_QT_LIBRARIES", {"libc.so.6": "libc6", "libnowhere.so.9": "libnowhere9"})
    content = ask("doctor")
    assert content["versions"]["unet-studio"]
    assert content["network"]["proposal_seconds"] > 0
    assert content["network"]["step_seconds"] > 0
    if sys.platform == "linux":
        assert content["missing_packages"] == ["libnowhere9"]
        assert "sudo apt-get install libnowhere9" in run("doctor").stdout


def test_a_network_that_cant_be_loaded_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("a part is missing")

    monkeypatch.setattr(doctor, "_examine_network", fail)
    assert "a part is missing" in ask("doctor", exit_code=1)["problem"]


@pytest.fixture
def _ctrl_c_interrupts() -> Iterator[None]:
    """As in a terminal; a shell starts what runs in its background with SIGINT ignored."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.mark.usefixtures("_ctrl_c_interrupts")
def test_ctrl_c_asks_once_and_then_insists() -> None:
    with Follower("Working") as follower:
        assert not follower.cancelled()
        os.kill(os.getpid(), signal.SIGINT)
        assert follower.cancelled()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_process_of_its_own_writes_one_json_object_and_nothing_else(folder: Path, bright: ModelCard) -> None:
    command = [sys.executable, "-m", "unet_studio", "propose", str(folder), "--model", str(bright.folder), "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["proposed"] == 3
    assert process.stderr == ""


def test_help_doesnt_wait_for_keras() -> None:
    code = "import sys, unet_studio.cli; sys.exit(bool({'keras', 'tensorflow', 'PySide6'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_simulate_judges_on_unseen_slides_and_leaves_no_trace(
    folder: Path, truth: Path, recipe_file: Path, tmp_path: Path
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


def test_simulate_says_what_it_lacks(folder: Path, truth: Path) -> None:
    assert "two or more slides" in refused("simulate", folder, "--truth", folder.parent)
    assert "no model 'typo'" in refused("simulate", folder, "--truth", truth, "--start", "typo")
    assert run("simulate", folder, "--truth", truth, "--test-share", "2").exit_code == 2
