"""The demo is copied once and kept; its loop runs with any engine."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.core.scoring.judging import better_than
from unet_studio import paths
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.hold_out import keep_slides_out
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.slides.opening import open_slide
from unet_studio.demo.loop import run_headless
from unet_studio.demo.slides import prepare_demo
from unet_studio.errors import Cancelled, StudioError
from unet_studio.protocol.values import Event, PhaseBegan, Progress, Proposed, ProposeJob, Retrained, RetrainJob, Round


class Engine:
    """Stands in for the network: the active model proposes the truth, blurred less after a retraining."""

    def __init__(self) -> None:
        self.retrained: list[RetrainJob] = []

    def propose(self, job: ProposeJob, progress: Progress) -> Proposed:
        sigma = 2.0 if job.model == "retrained-001" else 6.0
        for slide, _ in job.planes:
            mask = paths.resources() / "demo" / "masks" / slide
            with open_slide(Path(job.folder) / slide) as reader:
                shape = (reader.info.height, reader.info.width)
            truth = read_mask(mask).astype(np.float32) if mask.exists() else np.zeros(shape, np.float32)
            self._write(job, PlaneId(slide), cv2.GaussianBlur(truth, (0, 0), sigma))
        return Proposed(job.model, len(job.planes))

    def retrain(self, job: RetrainJob, progress: Progress) -> Retrained:
        self.retrained.append(job)
        with Project.open(Path(job.folder), place=Path(job.place)) as project:
            keep_slides_out(project)
            classes = tuple(label.name for label in project.classes())
        rounds = (Round(0, 1, 0.5, 0.8, 0.0, kept=True), Round(1, 1, 0.1, 0.9, 1.0, kept=True))
        return Retrained("retrained-001", job.model, classes, 1, rounds, better_than(job.model, classes=len(classes)))

    def _write(self, job: ProposeJob, plane: PlaneId, values: NDArray[np.float32]) -> None:
        file = proposal_file(Path(job.place), job.model, plane)
        strips = [(0, np.rint(values * 255).astype(np.uint8)[..., None])]
        write_proposal(file, values.shape, 1, strips, stamp=slide_stamp(Path(job.folder) / plane.slide))


class RecordingProgress:
    """A progress reporter that keeps the phases, and cancels with `stop`."""

    def __init__(self, *, stop: bool = False) -> None:
        self.phases: list[str] = []
        self._stop = stop

    def report(self, done: float, text: str) -> None:
        pass

    def event(self, event: Event) -> None:
        assert isinstance(event, PhaseBegan)
        self.phases.append(event.title)

    def cancelled(self) -> bool:
        return self._stop


def test_the_bundled_demo_is_small_and_credited() -> None:
    home = paths.resources() / "demo"
    assert sum(file.stat().st_size for file in home.rglob("*") if file.is_file()) <= 4_000_000
    assert "MIT licence" in (home / "README.md").read_text(encoding="utf-8")
    slides = find_slides(home / "slides")
    masks = find_slides(home / "masks")
    assert set(masks) < set(slides)
    for slide in masks:
        with open_slide(home / "slides" / slide) as reader:
            mask = read_mask(home / "masks" / slide)
            assert mask.shape == (reader.info.height, reader.info.width)
            assert set(np.unique(mask)) <= {0, 1, 2}


def test_a_demo_that_is_there_is_kept(tmp_path: Path) -> None:
    folder = prepare_demo(tmp_path)
    with Project.open(folder) as project:
        assert project.active_model == "axon-myelin"
        assert [c.name for c in project.classes()] == ["background", "myelin", "axon"]
        project.set_setting("active_model", "mine")
    assert prepare_demo(tmp_path) == folder
    with Project.open(folder) as project:
        assert project.active_model == "mine"


def test_by_default_it_is_kept_with_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert prepare_demo().is_relative_to(tmp_path)


def test_a_place_that_cant_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StudioError, match="can't be copied to"):
        prepare_demo(tmp_path / "file")


def test_the_whole_loop(tmp_path: Path) -> None:
    engine, progress = Engine(), RecordingProgress()
    report = run_headless(tmp_path, progress, engine, smallest=60)
    assert progress.phases == ["Propose", "Clean up", "Correct", "Retrain", "Propose again", "Export"]
    assert list(report.seconds) == progress.phases
    assert report.strokes >= len(report.corrected) > 0
    assert 0 < report.dice_before < report.dice_after
    assert 0 < report.all_dice_before < report.all_dice_after
    assert engine.retrained[0].model == "axon-myelin"
    with Project.open(report.folder) as project:
        assert {plane.slide for plane in project.states()} == set(report.corrected)
        assert set(project.states().values()) == {PlaneState.REVIEWED}
        assert len(project.hold_out() & set(report.corrected)) == 1
        assert project.active_model == "retrained-001"
        assert len(project.history(max_bytes=1 << 30)) == report.strokes + len(report.corrected)
    slides = find_slides(report.folder)
    for kind in ("masks", "overlays"):
        assert find_slides(report.exported / kind) == slides
    assert find_slides(report.folder / "unet-studio" / "masks") == report.corrected


def test_labels_of_corrected_slides_are_nearer_to_the_truth(tmp_path: Path) -> None:
    report = run_headless(tmp_path, RecordingProgress(), Engine(), smallest=60)
    with Project.open(report.folder) as project:
        for slide in report.corrected:
            truth = read_mask(paths.resources() / "demo" / "masks" / slide)
            changes = [entry.edit.change for entry in project.history(max_bytes=1 << 30)]
            strokes = [change for change in changes if change.plane.slide == slide][:-1]  # the last is the review
            for patch in (patch for stroke in strokes for patch in stroke.patches):
                painted = patch.labels_before != patch.labels_after
                assert (patch.labels_after == truth[patch.box.slices])[painted].all()


def test_work_of_somebody_is_never_run_over(tmp_path: Path) -> None:
    prepare_demo(tmp_path)
    with pytest.raises(StudioError, match="already worked on"):
        run_headless(tmp_path, RecordingProgress(), Engine())


def test_it_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        run_headless(tmp_path, RecordingProgress(stop=True), Engine())
