"""A bundle trains again to the same scores; slides that are missing or others are named."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

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


def test_slides_that_are_missing_or_others_are_named(ask: Ask, refused: Refused, trained: Path, tmp_path: Path) -> None:
    bundle, elsewhere = tmp_path / "b.zip", tmp_path / "elsewhere"
    ask("bundle", trained, "--out", bundle)
    shutil.copytree(trained, elsewhere, ignore=shutil.ignore_patterns("unet-studio"))
    (elsewhere / "a.png").unlink()
    cv2.imwrite(str(elsewhere / "b.png"), np.zeros((64, 64), np.uint8))
    said = refused("retrain", elsewhere, "--from-bundle", bundle)
    assert "missing: 'a.png'; and other than those that were learned from: 'b.png'" in said
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
