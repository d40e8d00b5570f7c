"""A mask that was corrected is the same after the folder was copied, another model is used, or the cache is deleted."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.conftest import _ask
from tests.e2e.test_corrections import draw_nuclei
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.models.cards import read_card
from unet_studio.core.project.store import PLACE_NAME
from unet_studio.paths import resources

STARTER, OTHER = "nuclei-fluorescence", "nuclei-histology"


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two slides that were proposed, and of which a small part was labelled."""
    return correct(tmp_path_factory.mktemp("corrected"), STARTER)


def correct(folder: Path, model: str) -> Path:
    """Have a model propose two slides, and label a small part of each; returns their folder."""
    for seed in range(2):
        pixels, truth, _ = draw_nuclei(seed)
        said = np.full(truth.shape, UNLABELLED, np.uint8)
        said[60:70, 60:90] = truth[60:70, 60:90]
        said[0, 0] = 1
        for kind, values in (("slides", pixels), ("masks", said)):
            (folder / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / kind / f"s{seed}.png"), values)
    _ask("propose", folder / "slides", "--model", model)
    _ask("import", folder / "slides", "--masks", folder / "masks")
    return folder / "slides"


@pytest.fixture
def masks(corrected: Path, tmp_path: Path) -> dict[str, NDArray[np.uint8]]:
    exported = export(corrected, tmp_path / "before")
    assert all(np.count_nonzero(mask == 1) > 1000 for mask in exported.values())
    return exported


def export(folder: Path, out: Path) -> dict[str, NDArray[np.uint8]]:
    content = _ask("export", folder, "--out", out, "--state", "corrected")
    assert content["failed"] == []
    return {Path(file).name: read_mask(Path(file)) for file in content["files"]}


def copy(folder: Path, target: Path) -> Path:
    """Copy a folder with new times, as `cp -r` and most archives do."""
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    for file in target.rglob("*"):
        os.utime(file, ns=(10**18, 10**18))
    return target


def use_another_model(folder: Path) -> None:
    _ask("propose", folder, "--model", OTHER)


def delete_proposals(folder: Path) -> None:
    shutil.rmtree(folder / PLACE_NAME / "proposals")


def do_nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize("do", [do_nothing, use_another_model, delete_proposals], ids=["copy", "model", "cache"])
def test_the_mask_of_a_corrected_slide_stays(
    corrected: Path, masks: dict[str, NDArray[np.uint8]], tmp_path: Path, do: Callable[[Path], None]
) -> None:
    folder = copy(corrected, tmp_path / "copy")
    do(folder)
    exported = export(folder, tmp_path / "after")
    assert exported.keys() == masks.keys()
    for slide, mask in masks.items():
        np.testing.assert_array_equal(exported[slide], mask)
    truth = tmp_path / "truth"
    truth.mkdir()
    for slide, mask in masks.items():
        cv2.imwrite(str(truth / slide), mask)
    assert _ask("evaluate", folder, "--truth", truth)["pooled"]["dice"] == 1


def test_the_mask_of_a_corrected_slide_stays_when_its_model_is_removed(tmp_path: Path) -> None:
    shutil.copytree(resources() / "models" / STARTER, tmp_path / "mine")
    replace(read_card(tmp_path / "mine"), id="mine", title="Mine").write()
    folder = correct(tmp_path, str(tmp_path / "mine"))
    before = export(folder, tmp_path / "before")
    _ask("models", folder, "use", OTHER)
    assert _ask("models", folder, "remove", "mine")["removed"] == "mine"
    assert not (folder / PLACE_NAME / "proposals" / "mine").exists()
    after = export(folder, tmp_path / "after")
    assert after.keys() == before.keys()
    for slide, mask in before.items():
        assert np.count_nonzero(mask == 1) > 1000
        np.testing.assert_array_equal(after[slide], mask)


def test_a_slide_whose_proposal_is_lost_is_named_and_is_not_exported(corrected: Path, tmp_path: Path) -> None:
    folder = copy(corrected, tmp_path / "copy")
    delete_proposals(folder)
    shutil.rmtree(folder / PLACE_NAME / "kept" / STARTER / "s0.png")
    out = tmp_path / "out"
    content = _ask("export", folder, "--out", out, "--state", "corrected", exit_code=1)
    (failed,) = content["failed"]
    assert failed["slide"] == "s0.png"
    assert "was corrected on is missing or damaged" in failed["problem"]
    assert content["files"] == [str(out / "s1.png")]
    assert not (out / "s0.png").exists()
    (failed,) = _ask("clean", folder, "--steps", "fill-holes:0", "--preview", tmp_path / "p", exit_code=1)["failed"]
    assert failed["slide"] == "s0.png"
    truth = tmp_path / "truth"
    truth.mkdir()
    for slide in ("s0.png", "s1.png"):
        cv2.imwrite(str(truth / slide), read_mask(out / "s1.png"))
    (failed,) = _ask("evaluate", folder, "--truth", truth, exit_code=1)["failed"]
    assert failed["slide"] == "s0.png"
    assert _ask("propose", folder)["proposed"] == 2
    export(folder, tmp_path / "again")
