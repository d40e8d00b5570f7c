"""An export writes file by file, tells what can't be written, and stops between two files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import RecordingProgress
from unet_studio.core.exchange.exporting import ExportRequest, Wanted
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.project.store import Project
from unet_studio.protocol.values import SlideFailed
from unet_studio.usecases.export import export


@pytest.fixture
def labelled(
    project: Project, paint: Callable[[str, NDArray[np.uint8]], None], truths: dict[str, NDArray[np.uint8]]
) -> Project:
    for slide, truth in truths.items():
        paint(slide, truth)
    return project


def test_all_is_written_and_counted(labelled: Project, truths: dict[str, NDArray[np.uint8]], tmp_path: Path) -> None:
    watcher = RecordingProgress()
    exported = export(labelled, ExportRequest(tmp_path / "out", states=Wanted.ANY), watcher)
    assert exported.files == tuple(tmp_path / "out" / slide for slide in truths)
    assert exported.failed == ()
    for slide, truth in truths.items():
        np.testing.assert_array_equal(read_mask(tmp_path / "out" / slide), truth)
    assert watcher.texts == list(truths)
    assert watcher.shares[-1] == 1


def test_a_slide_that_is_gone_is_told_and_the_others_are_written(labelled: Project, tmp_path: Path) -> None:
    (labelled.folder / "b.png").write_bytes(b"no picture")
    watcher = RecordingProgress()
    exported = export(labelled, ExportRequest(tmp_path / "out", states=Wanted.ANY), watcher)
    assert [file.name for file in exported.files] == ["a.png", "c.png"]
    (failed,) = exported.failed
    assert failed.slide == "b.png"
    assert watcher.events == [SlideFailed("b.png", failed.reason)]


def test_it_stops_between_two_files(labelled: Project, tmp_path: Path) -> None:
    exported = export(labelled, ExportRequest(tmp_path / "out", states=Wanted.ANY), RecordingProgress(stop_after=1))
    assert [file.name for file in exported.files] == ["a.png"]
    assert not (tmp_path / "out" / "b.png").exists()
