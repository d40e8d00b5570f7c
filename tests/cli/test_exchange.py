"""`import` and `export` bring masks in and out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typer.testing import Result

from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.project.store import Project

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]
Mask = NDArray[np.uint8]


def test_what_is_proposed_is_exported_and_evaluated(
    run: Run, ask: Ask, refused: Refused, proposed: Path, truth: Path, truths: dict[str, Mask], tmp_path: Path
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


def test_imported_masks_become_labels(ask: Ask, refused: Refused, folder: Path, truth: Path) -> None:
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


def test_what_the_values_of_masks_mean_can_be_said(
    ask: Ask, refused: Refused, proposed: Path, truth: Path, truths: dict[str, Mask]
) -> None:
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
