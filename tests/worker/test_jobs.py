"""The worker's jobs, called as the command line calls them."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_part, find_proposal, slide_stamp, to_mask
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import Cancelled, ModelError, RecipeError
from unet_studio.protocol.values import (
    Event,
    PartProposed,
    PlaneProposed,
    Proposed,
    ProposeJob,
    RetrainJob,
    Round,
    SlideFailed,
    View,
)
from unet_studio.unet import proposing
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.weights import load_network, publish
from unet_studio.worker.jobs import Jobs

Truths = dict[str, NDArray[np.uint8]]


@dataclass
class RecordingProgress:
    """Keeps what a job reports; after `stop_after` proposed slides it asks the job to stop."""

    done: list[tuple[float, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stop_after: int = 10**6

    def report(self, done: float, text: str) -> None:
        self.done.append((done, text))

    def event(self, event: Event) -> None:
        self.events.append(event)

    def cancelled(self) -> bool:
        return len(self.of(PlaneProposed)) >= self.stop_after

    def of(self, kind: type[Event]) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def job(folder: Path, bright: ModelCard) -> Callable[..., ProposeJob]:
    """A job for these slides, or for all."""

    def make(*slides: str, **options: Any) -> ProposeJob:
        planes = [(slide, -1) for slide in slides or ("a.png", "b.png", "sub/c.png")]
        options = {"model": str(bright.folder), "planes": planes, **options}
        return ProposeJob(str(folder), str(folder / PLACE_NAME), **options)

    return make


@pytest.fixture
def proposed(folder: Path) -> Callable[..., NDArray[np.uint8] | None]:
    """The mask that was proposed for a plane of the slide as it is now, or None."""

    def mask(slide: str, plane: int = 0) -> NDArray[np.uint8] | None:
        stamp = slide_stamp(folder / slide)
        proposal = find_proposal(folder / PLACE_NAME, "bright", PlaneId(slide, plane), stamp=stamp)
        return None if proposal is None else to_mask(proposal.read(Box.of_shape(proposal.shape)))

    return mask


@pytest.fixture
def leaning(bright: ModelCard, tmp_path: Path) -> ModelCard:
    """`bright`, but for seeing each pixel one to the right of where it is."""
    network = load_network(bright)
    layer = network.get_layer("down0a_convolution")
    kernel, *others = layer.get_weights()
    layer.set_weights([np.roll(kernel, 1, axis=1), *others])
    return publish(replace(bright, id="leaning", folder=tmp_path / "leaning"), network, [])


class TestProposing:
    def test_every_slide_gets_the_model_s_mask(self, jobs: Jobs, job: Any, proposed: Any, truths: Truths) -> None:
        progress = RecordingProgress()
        result = jobs.propose(job(), progress)
        assert result == Proposed("bright", proposed=3, skipped=0, failed=0)
        for slide, truth in truths.items():
            np.testing.assert_array_equal(proposed(slide), truth)
        assert [event.slide for event in progress.of(PlaneProposed)] == list(truths)
        shares = [share for share, _ in progress.done]
        assert shares == sorted(shares)
        assert shares[-1] == 1
        assert {text for _, text in progress.done} == {*truths, ""}

    def test_what_is_proposed_already_is_skipped_unless_asked(self, jobs: Jobs, job: Any) -> None:
        jobs.propose(job("a.png"), RecordingProgress())
        assert jobs.propose(job(), RecordingProgress()).skipped == 1
        assert jobs.propose(job(overwrite=True), RecordingProgress()).proposed == 3

    def test_a_proposal_made_without_flips_is_made_again_with_them_and_the_other_way_round(
        self, jobs: Jobs, job: Any
    ) -> None:
        jobs.propose(job("a.png"), RecordingProgress())
        assert jobs.propose(job(flips=True), RecordingProgress()).skipped == 0
        assert jobs.propose(job("a.png", flips=True), RecordingProgress()).skipped == 1
        assert jobs.propose(job("a.png"), RecordingProgress()).skipped == 0

    def test_with_flips_a_turned_slide_gets_the_turned_proposal(
        self, jobs: Jobs, job: Any, folder: Path, spots: Any, leaning: ModelCard
    ) -> None:
        cv2.imwrite(str(folder / "turned.png"), np.rot90(spots(0)[0]))
        for flips in (False, True):
            jobs.propose(job("a.png", "turned.png", model=str(leaning.folder), flips=flips), RecordingProgress())
            found = [find_proposal(folder / PLACE_NAME, "leaning", PlaneId(name)) for name in ("a.png", "turned.png")]
            usual, turned = (proposal.read(Box(0, 0, 64, 64)).astype(int) for proposal in found)
            difference = np.abs(np.rot90(usual) - turned)
            assert (difference.max() <= 1) == flips

    def test_a_slide_that_changed_is_proposed_anew(
        self, jobs: Jobs, job: Any, proposed: Any, folder: Path, truths: Truths
    ) -> None:
        jobs.propose(job("a.png"), RecordingProgress())
        shutil.copyfile(folder / "b.png", folder / "a.png")
        assert proposed("a.png") is None
        assert jobs.propose(job("a.png"), RecordingProgress()).proposed == 1
        np.testing.assert_array_equal(proposed("a.png"), truths["b.png"])

    def test_a_model_of_whole_slides_sees_them_as_in_its_training(
        self, jobs: Jobs, job: Any, folder: Path, bright: ModelCard, tmp_path: Path
    ) -> None:
        recipe = {**bright.recipe, "schedule": {**bright.recipe["schedule"], "whole": True, "patch": 32}}
        card = publish(replace(bright, id="whole", folder=tmp_path / "whole", recipe=recipe), load_network(bright), [])
        jobs.propose(job("a.png", model=str(card.folder)), RecordingProgress())
        proposal = find_proposal(folder / PLACE_NAME, "whole", PlaneId("a.png"))
        assert proposal is not None
        found = proposal.read(Box(0, 0, 64, 64))[..., 0]
        with open_slide(folder / "a.png") as reader:
            pixels = card.normalisation.apply(reader.read(0, Box(0, 0, 64, 64)), card.normalisation.measure(reader, 0))
        seen = Predictor(load_network(bright), Recipe.from_dict(recipe).architecture)
        small = seen.probabilities(cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_LINEAR)[..., None])
        expected = cv2.resize(small, (64, 64), interpolation=cv2.INTER_LINEAR).astype(int)
        assert np.abs(found - expected).mean() < 2  # on this computer it may propose in bfloat16
        assert np.abs(found - seen.probabilities(pixels)[..., 0].astype(int)).max() > 50

    def test_all_planes_of_a_stack_or_one(
        self, jobs: Jobs, job: Any, proposed: Any, folder: Path, truths: Truths, spots: Any
    ) -> None:
        stack = np.stack([spots(seed)[0] for seed in range(3)])
        tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
        assert jobs.propose(job(planes=[("stack.tif", 1)]), RecordingProgress()).proposed == 1
        assert proposed("stack.tif", 0) is None
        progress = RecordingProgress()
        assert jobs.propose(job("stack.tif"), progress) == Proposed("bright", proposed=2, skipped=1, failed=0)
        assert [event.plane for event in progress.of(PlaneProposed)] == [0, 2]
        for plane, truth in enumerate(truths.values()):
            np.testing.assert_array_equal(proposed("stack.tif", plane), truth)

    def test_what_is_in_view_comes_first_and_is_then_part_of_the_whole(
        self, jobs: Jobs, job: Any, proposed: Any, folder: Path, spots: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proposing, "_WHOLE_AT_ONCE", 0)
        cv2.imwrite(str(folder / "wide.png"), np.tile(spots(0)[0], (10, 10)))  # 640 × 640
        parts, plane = [], PlaneId("wide.png")

        class PartProgress(RecordingProgress):
            def event(self, event: Event) -> None:
                super().event(event)
                if isinstance(event, PartProposed):
                    assert proposed("wide.png") is None
                    part = find_part(folder / PLACE_NAME, "bright", plane, stamp=slide_stamp(folder / "wide.png"))
                    assert part is not None
                    parts.append(to_mask(part.read(Box(0, 0, 640, 640))))

        progress = PartProgress()
        jobs.propose(job("wide.png", "a.png", view=View("wide.png", 0, 10, 300, 100, 400)), progress)
        # One of nine tiles, then two more, four and eight of those that follow.
        assert [type(event) for event in progress.events] == [PartProposed] * 4 + [PlaneProposed] * 2
        assert progress.events[0] == PartProposed("wide.png", 0, "bright")
        truth = np.tile(spots(0)[1], (10, 10))
        np.testing.assert_array_equal(proposed("wide.png"), truth)
        np.testing.assert_array_equal(parts[-1][:512, :512], truth[:512, :512])
        truth[~np.pad(np.ones((256, 256), bool), ((0, 384), (256, 128)))] = 0
        np.testing.assert_array_equal(parts[0], truth)  # the view, out to whole tiles
        assert find_part(folder / PLACE_NAME, "bright", plane) is None, "it is gone once all is there"

    def test_a_view_of_most_of_the_plane_is_no_reason_to_propose_it_twice(
        self, jobs: Jobs, job: Any, folder: Path, spots: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proposing, "_WHOLE_AT_ONCE", 0)
        cv2.imwrite(str(folder / "wide.png"), np.tile(spots(0)[0], (10, 10)))
        for view in ([0, 0, 640, 640], [-500, 100, 300, 300]):
            progress = RecordingProgress()
            jobs.propose(job("wide.png", view=View("wide.png", 0, *view), overwrite=True), progress)
            assert [type(event) for event in progress.events] == [PlaneProposed]

    def test_stopped_or_failing_after_the_view_it_leaves_the_old_proposal_and_no_part(
        self, jobs: Jobs, job: Any, folder: Path, spots: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proposing, "_WHOLE_AT_ONCE", 0)
        cv2.imwrite(str(folder / "wide.png"), np.tile(spots(0)[0], (10, 10)))
        jobs.propose(job("wide.png"), RecordingProgress())
        (old,) = (file for file in (folder / PLACE_NAME / "proposals").rglob("*") if file.is_file())
        content = old.read_bytes()

        class StoppedProgress(RecordingProgress):
            def cancelled(self) -> bool:
                return bool(self.of(PartProposed))

        again = job("wide.png", view=View("wide.png", 0, 10, 300, 100, 400), overwrite=True)
        with pytest.raises(Cancelled):
            jobs.propose(again, StoppedProgress())
        monkeypatch.setattr("unet_studio.core.masks.proposal_writing._show", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            jobs.propose(again, RecordingProgress())
        assert [file for file in (folder / PLACE_NAME / "proposals").rglob("*") if file.is_file()] == [old]
        assert old.read_bytes() == content

    def test_it_can_be_stopped_before_the_view_is_there(
        self, jobs: Jobs, job: Any, folder: Path, spots: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proposing, "_WHOLE_AT_ONCE", 0)
        cv2.imwrite(str(folder / "wide.png"), np.tile(spots(0)[0], (10, 10)))

        class StoppedProgress(RecordingProgress):
            def cancelled(self) -> bool:
                return len(self.done) >= 2

        progress = StoppedProgress()
        with pytest.raises(Cancelled):
            jobs.propose(job("wide.png", view=View("wide.png", 0, 10, 300, 100, 400)), progress)
        assert progress.events == []

    def test_of_a_stack_the_plane_in_view_comes_first(self, jobs: Jobs, job: Any, folder: Path, spots: Any) -> None:
        stack = np.stack([spots(seed)[0] for seed in range(3)])
        tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
        progress = RecordingProgress()
        jobs.propose(job("stack.tif", view=View("stack.tif", 1, 0, 0, 64, 64)), progress)
        assert [event.plane for event in progress.of(PlaneProposed)] == [1, 0, 2]

    @pytest.mark.parametrize(
        "view", [View("a.png", 0, 0, 0, 64, 64), View("a.png", 0, 500, 0, 600, 64), View("b.png", 1, 0, 0, 9, 9)]
    )
    def test_a_small_plane_or_a_view_elsewhere_is_proposed_as_ever(
        self, jobs: Jobs, job: Any, proposed: Any, truths: Truths, view: View
    ) -> None:
        progress = RecordingProgress()
        jobs.propose(job("a.png", view=view), progress)
        assert [type(event) for event in progress.events] == [PlaneProposed]
        np.testing.assert_array_equal(proposed("a.png"), truths["a.png"])

    def test_slides_that_cannot_be_read_are_told_and_the_others_go_on(
        self, jobs: Jobs, job: Any, proposed: Any, folder: Path
    ) -> None:
        (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:-1500])
        (folder / "text.tif").write_text("no picture")
        tifffile.imwrite(folder / "five.tif", np.zeros((8, 8, 5), np.uint8), photometric="minisblack", planarconfig=1)
        planes = [(name, 0) for name in ("gone.png", "cut.png", "text.tif", "five.tif")]
        planes += [("a.png", 3), ("b.png", 0)]
        progress = RecordingProgress()
        result = jobs.propose(job(planes=planes), progress)
        assert (result.proposed, result.failed) == (1, 5)
        assert proposed("b.png") is not None
        reasons = {event.slide: event.reason for event in progress.of(SlideFailed)}
        assert list(reasons) == ["gone.png", "cut.png", "text.tif", "five.tif", "a.png"]
        assert "'gone.png' is no longer there" in reasons["gone.png"]
        assert "looks at 1 channels, but the slide has 5" in reasons["five.tif"]
        assert "'a.png' has 1 planes now, and plane 4 is not among them" in reasons["a.png"]
        assert all(name in reason for name, reason in reasons.items() if name != "five.tif")

    def test_a_full_disk_is_told_slide_by_slide_and_leaves_no_half_proposal(
        self, jobs: Jobs, job: Any, proposed: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr("unet_studio.core.masks.proposal_writing._write_tile", fail)
        progress = RecordingProgress()
        assert jobs.propose(job("a.png", "b.png"), progress).failed == 2
        assert all("disk is full). Free some space" in event.reason for event in progress.of(SlideFailed))
        assert proposed("a.png") is None
        assert [file for file in (folder / PLACE_NAME / "proposals").rglob("*") if file.is_file()] == []

    def test_stopping_keeps_what_is_finished(self, jobs: Jobs, job: Any, proposed: Any) -> None:
        with pytest.raises(Cancelled, match="the slides finished before keep their proposals"):
            jobs.propose(job(), RecordingProgress(stop_after=1))
        assert proposed("a.png") is not None
        assert proposed("b.png") is None

    def test_a_model_of_other_classes_is_refused(self, jobs: Jobs, job: Any, project: Project) -> None:
        project.set_classes(make_classes("axon", "myelin"))
        with pytest.raises(ModelError, match="knows spot, but this project has axon, myelin"):
            jobs.propose(job(), RecordingProgress())

    def test_an_unknown_model_is_named_with_the_known_ones(self, jobs: Jobs, job: Any) -> None:
        with pytest.raises(ModelError, match="There is no model 'brihgt'"):
            jobs.propose(job(model="brihgt"), RecordingProgress())

    def test_the_network_stays_warm_until_the_model_changes(
        self, job: Any, bright: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loads = []
        load = proposing.load_fast_network
        monkeypatch.setattr(proposing, "load_fast_network", lambda card: loads.append(card.folder) or load(card))
        copy = Path(shutil.copytree(bright.folder, tmp_path / "copy"))
        jobs = Jobs()
        for _ in range(2):
            jobs.propose(job("a.png", model=str(copy), overwrite=True), RecordingProgress())
        assert loads == [copy]
        (copy / "model.keras").touch()
        jobs.propose(job("a.png", model=str(copy), overwrite=True), RecordingProgress())
        assert loads == [copy, copy]


class TestRetraining:
    @pytest.fixture
    def labelled(self, project: Project, paint: Any, truths: Truths) -> Iterator[Project]:
        """A project whose first two slides are labelled, the second for comparing."""
        paint("a.png", truths["a.png"])
        paint("b.png", truths["b.png"])
        project.add_hold_out(["b.png"])
        return project

    def test_it_ends_with_a_published_model_and_how_it_compares(
        self, jobs: Jobs, labelled: Project, recipe_file: Path, job: Any
    ) -> None:
        progress = RecordingProgress()
        result = jobs.retrain(
            RetrainJob(str(labelled.folder), str(labelled.place), "", str(recipe_file), ["schedule.rounds=1"]), progress
        )
        assert (result.model, result.parent, result.held_out, result.rounds) == ("retrained-001", "", 1, 1)
        assert result.classes == ("background", "spot")
        assert result.kept.round == 1
        rounds = progress.of(Round)
        assert [told.round for told in rounds] == [0, 1]
        assert all(Path(told.preview).is_file() for told in rounds)
        assert [share for share, _ in progress.done] == pytest.approx([1 / 3, 2 / 3, 1])
        assert labelled.active_model == "", "the choice is left to who asked"
        assert jobs.propose(job("a.png", model="retrained-001"), RecordingProgress()).model == "retrained-001"

    def test_without_a_recipe_a_first_model_has_its_own(self, jobs: Jobs, labelled: Project, bright: ModelCard) -> None:
        small = ["schedule.rounds=1", "schedule.steps=1", "schedule.patch=32", "architecture.width=2"]
        for model, recipe in (("", "from-scratch"), (str(bright.folder), "retrain")):
            result = jobs.retrain(
                RetrainJob(str(labelled.folder), str(labelled.place), model, "", small), RecordingProgress()
            )
            assert find_model(result.model, labelled.place).recipe["name"] == recipe

    def test_a_training_that_was_interrupted_goes_on(
        self, jobs: Jobs, labelled: Project, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise OSError("the disk is full")

        job = RetrainJob(str(labelled.folder), str(labelled.place), "", str(recipe_file))
        with monkeypatch.context() as patched, pytest.raises(OSError, match="the disk is full"):
            patched.setattr("unet_studio.unet.training.retraining.publish", fail)
            jobs.retrain(job, RecordingProgress())
        result = jobs.retrain(
            RetrainJob(str(labelled.folder), str(labelled.place), "", resume=True), RecordingProgress()
        )
        assert (result.model, result.rounds) == ("retrained-001", 2)
        assert jobs.propose(
            ProposeJob(str(labelled.folder), str(labelled.place), "retrained-001", [("a.png", 0)]), RecordingProgress()
        ).proposed

    def test_a_network_without_padding_learns_and_proposes(
        self, jobs: Jobs, labelled: Project, recipe_file: Path, folder: Path
    ) -> None:
        changes = ["architecture.padding='valid'", "schedule.patch=44", "schedule.rounds=1"]
        place = str(labelled.place)
        result = jobs.retrain(RetrainJob(str(folder), place, "", str(recipe_file), changes), RecordingProgress())
        jobs.propose(ProposeJob(str(folder), place, result.model, [("a.png", 0)]), RecordingProgress())
        proposal = find_proposal(labelled.place, result.model, PlaneId("a.png"))
        assert proposal is not None
        assert proposal.shape == (64, 64)
        assert np.ptp(proposal.read(Box(0, 0, 64, 64))) > 0

    @pytest.mark.parametrize(
        ("changes", "said"), [(["schedule.steps=0"], "must be 1 or more"), (["sed=1"], "Did you mean 'seed'?")]
    )
    def test_a_recipe_that_makes_no_sense_is_refused(
        self, jobs: Jobs, labelled: Project, changes: list[str], said: str
    ) -> None:
        with pytest.raises(RecipeError) as caught:
            jobs.retrain(
                RetrainJob(str(labelled.folder), str(labelled.place), "", "retrain", changes), RecordingProgress()
            )
        assert said in str(caught.value)

    def test_a_slide_that_vanished_is_told(
        self, jobs: Jobs, labelled: Project, folder: Path, recipe_file: Path
    ) -> None:
        for name in ("a.png", "b.png"):
            (folder / name).unlink()
        progress = RecordingProgress()
        with pytest.raises(Exception, match="None of the labelled slides can be read"):
            jobs.retrain(RetrainJob(str(folder), str(labelled.place), "", str(recipe_file)), progress)
        assert [event.slide for event in progress.of(SlideFailed)] == ["a.png", "b.png"]


def test_a_colour_slide_can_be_proposed_by_a_grey_model(
    jobs: Jobs, job: Any, proposed: Any, folder: Path, truths: Truths
) -> None:
    grey = cv2.imread(str(folder / "a.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder / "colour.png"), cv2.merge([grey, grey, grey]))
    jobs.propose(job("colour.png"), RecordingProgress())
    np.testing.assert_array_equal(proposed("colour.png"), truths["a.png"])
