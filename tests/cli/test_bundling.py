"""A bundle trains again to the same scores; slides that are missing or others are named."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from unet_studio.core.models.cards import ModelCard, project_models
from unet_studio.core.project.store import Project

Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]
Paint = Callable[[str, NDArray[np.uint8]], None]


@pytest.fixture
def trained(
    ask: Ask, folder: Path, bright: ModelCard, project: Project, paint: Paint, truths: dict[str, NDArray[np.uint8]],
    recipe_file: Path,
) -> Path:  # fmt: skip
    """A folder in which a model was trained from a model that came from elsewhere."""
    ask("propose", folder, "--model", bright.folder)
    for slide, truth in truths.items():
        paint(slide, truth)
    ask("retrain", folder, "--recipe", recipe_file, "--set", "seed=7")
    return folder


def test_training_again_comes_to_the_same_scores(ask: Ask, trained: Path, tmp_path: Path) -> None:
    bundle, elsewhere = tmp_path / "b.zip", tmp_path / "elsewhere"
    written = ask("bundle", trained, "--out", bundle)
    assert (written["model"], written["slides"], written["is_as_trained"]) == ("retrained-001", 3, True)
    shutil.copytree(trained, elsewhere, ignore=shutil.ignore_patterns("unet-studio"))
    again = ask("retrain", elsewhere, "--from-bundle", bundle)["bundle"]
    assert again["reproduced"]
    assert again["dice_now"] == pytest.approx(again["dice"], abs=1e-6), "the same seed on the same machine"
    (before,), after = project_models(trained / "unet-studio")[-1:], project_models(elsewhere / "unet-studio")[-1]
    assert after.recipe == before.recipe
    assert after.data == before.data, "the same labels, by their fingerprint"
    with Project.open(trained) as one, Project.open(elsewhere) as other:
        assert one.hold_out() == other.hold_out()


def test_with_slides_it_needs_nothing_else(ask: Ask, trained: Path, tmp_path: Path) -> None:
    bundle, empty = tmp_path / "b.zip", tmp_path / "empty"
    ask("bundle", trained, "--out", bundle, "--with-slides")
    assert ask("retrain", empty, "--from-bundle", bundle)["bundle"]["reproduced"]
    assert (empty / "sub/c.png").read_bytes() == (trained / "sub/c.png").read_bytes()


def test_masks_of_corrected_slides_are_as_they_were(
    ask: Ask, folder: Path, bright: ModelCard, truth: Path, truths: dict[str, NDArray[np.uint8]], recipe_file: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    ask("propose", folder, "--model", bright.folder)
    for slide, mask in truths.items():
        said = mask.copy()
        said[20:] = 255 if slide == "a.png" else said[20:]
        cv2.imwrite(str(truth / slide), said)
    ask("import", folder, "--masks", truth, "--meaning", "0=background,1=spot,255=unlabelled")
    ask("retrain", folder, "--recipe", recipe_file)
    ask("bundle", folder, "--out", tmp_path / "b.zip", "--with-slides")
    ask("retrain", tmp_path / "elsewhere", "--from-bundle", tmp_path / "b.zip")
    masks = []
    for project, out in ((folder, "before"), (tmp_path / "elsewhere", "after")):
        content = ask("export", project, "--out", tmp_path / out, "--state", "corrected")
        assert content["failed"] == []
        (file,) = [file for file in content["files"] if file.endswith("a.png")]
        masks.append(cv2.imread(file, cv2.IMREAD_GRAYSCALE))
    before, after = masks
    assert np.count_nonzero(before[20:]) > 0, "a part of the mask comes from the proposal"
    np.testing.assert_array_equal(after, before)


def test_slides_that_are_missing_or_others_are_named(ask: Ask, refused: Refused, trained: Path, tmp_path: Path) -> None:
    bundle, elsewhere = tmp_path / "b.zip", tmp_path / "elsewhere"
    ask("bundle", trained, "--out", bundle)
    shutil.copytree(trained, elsewhere, ignore=shutil.ignore_patterns("unet-studio"))
    (elsewhere / "a.png").unlink()
    cv2.imwrite(str(elsewhere / "b.png"), np.zeros((64, 64), np.uint8))
    said = refused("retrain", elsewhere, "--from-bundle", bundle)
    assert "missing: a.png; and other than those that were learned from: b.png" in said
    assert "c.png" not in said
    assert not (elsewhere / "unet-studio").exists()


def test_a_project_is_never_overwritten_and_no_other_file_is_a_bundle(
    ask: Ask, refused: Refused, trained: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "b.zip"
    ask("bundle", trained, "--out", bundle)
    assert "is a project already" in refused("retrain", trained, "--from-bundle", bundle)
    (tmp_path / "c.zip").write_bytes(b"no archive")
    assert "can't be read as a bundle" in refused("retrain", tmp_path / "x", "--from-bundle", tmp_path / "c.zip")


def test_without_a_trained_model_there_is_nothing_to_bundle(refused: Refused, proposed: Path, tmp_path: Path) -> None:
    assert "Retrain first" in refused("bundle", proposed, "--out", tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.parametrize("kind", ["slide", "model", "file of a model", "proposal", "parent folders"])
def test_a_bundle_writes_nothing_outside_of_the_folder(
    ask: Ask, run: Callable[..., Result], trained: Path, tmp_path: Path, kind: str
) -> None:
    ask("bundle", trained, "--out", tmp_path / "b.zip", "--with-slides")
    outside, manifest_name = tmp_path / "outside", "bundle.json"
    with zipfile.ZipFile(tmp_path / "b.zip") as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    manifest = json.loads(files[manifest_name])
    model, evil = manifest["model"], outside / "evil.png"
    name = next(name for name in files if name.endswith(f"{model}/card.toml"))
    match kind:
        case "slide":
            first = next(iter(manifest["slides"]))
            manifest["slides"] = {str(evil): manifest["slides"][first]}
            files[f"slides/{evil}"] = b"evil"
        case "model":
            manifest["model"] = str(outside)
            files[name.replace(model, str(outside))] = files[name]
        case "file of a model":
            files[name.replace("card.toml", str(evil))] = b"evil"
        case "proposal":
            files["kept/bright/../../../../outside/evil.png"] = b"evil"
        case _:
            files[name.replace("card.toml", "../../../../outside/evil.png")] = b"evil"
    files[manifest_name] = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "crafted.zip", "w") as crafted:
        for each, content in files.items():
            crafted.writestr(each, content)
    (tmp_path / "empty").mkdir()
    said = run("retrain", tmp_path / "empty", "--from-bundle", tmp_path / "crafted.zip")
    assert not outside.exists()
    if kind in ("slide", "proposal", "parent folders"):
        assert said.exit_code == 1
        assert "is no name of a file below" in said.stderr
