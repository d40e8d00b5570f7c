"""`report` writes its file, and `repeat` deals and compares."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from tests.usecases.steps import record
from unet_studio.core.project.store import Project

pytestmark = pytest.mark.usefixtures("qapp")  # printing makes an application of its own where there is none

Ask = Callable[..., dict[str, Any]]
Truths = dict[str, NDArray[np.uint8]]


def test_a_report_is_written_as_html_or_pdf(
    ask: Ask, run: Callable[..., Result], proposed: Path, project: Project, truths: Truths, tmp_path: Path
) -> None:
    for slide, truth in truths.items():
        record(project, slide, truth)
    project.set_audit(["a.png", "b.png"])
    content = ask("report", proposed, "--out", tmp_path / "r.html")
    assert content["judged_on"] == "audit sample"
    assert content["stop"]["answer"] == "unknown"
    assert content["agreement"]["dice"]["value"] > 0.9
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    said = run("report", proposed, "--out", tmp_path / "r.pdf")
    assert said.exit_code == 0
    assert "May I stop? That can't be said yet." in said.stdout
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert run("report", proposed, "--out", tmp_path / "r.docx").exit_code == 2


def test_slides_are_dealt_and_compared(
    ask: Ask, run: Callable[..., Result], proposed: Path, project: Project, truths: Truths
) -> None:
    for slide, truth in truths.items():
        record(project, slide, truth)
    dealt = ask("repeat", proposed, "--slides", 1, "--seed", 3)
    assert dealt["proposed"] == 0
    (name,) = dealt["slides"]
    assert "to be reviewed again" in run("repeat", proposed, "--compare").stdout
    with Project.open(Path(dealt["folder"])) as fresh:
        assert fresh.active_model == "bright"
        record(fresh, name, np.zeros((64, 64), np.uint8))
    compared = ask("repeat", proposed, "--compare")
    assert compared["pooled"]["count_bias"]["value"] == -1
    assert compared["on_proposals"] == []
    said = " ".join(run("repeat", proposed, "--compare").stdout.split())
    assert "Pooled: Dice 0.000" in said
    assert "The second labelling was done without proposals." in said
    assert run("repeat", proposed, "--compare", "--with-proposals").exit_code == 2
    shutil.rmtree(dealt["folder"])
    said = run("repeat", proposed, "--slides", 1, "--with-proposals").stdout
    assert "1 slide dealt, 1 with a proposal." in said
