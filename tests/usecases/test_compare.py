"""Any two models are compared on the labels that there are now, and nothing changes by it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.models.notes import write_learned_slides
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import judge_compared
from unet_studio.core.scoring.judgement import Verdict
from unet_studio.errors import Cancelled, ModelError
from unet_studio.protocol.values import NO_PROGRESS, Compared, CompareJob, Event, Progress, SlideFailed
from unet_studio.unet.weights import publish
from unet_studio.usecases.compare import compare

if TYPE_CHECKING:
    import keras

Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


@dataclass
class RecordingProgress:
    """Keeps what a job reports, and asks it to stop once it has reported so much."""

    stop_at: float = 2.0
    shares: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def report(self, done: float, text: str) -> None:
        self.shares.append(done)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def cancelled(self) -> bool:
        return max(self.shares, default=0.0) >= self.stop_at


@pytest.fixture
def blind(bright: ModelCard, bright_network: "keras.Model", project: Project) -> ModelCard:
    """A model of the project that finds nothing anywhere, and learned from a.png."""
    weights = bright_network.get_weights()
    bright_network.get_layer("logits").set_weights([weights[-2], np.array([20.0, -90.0])])
    folder = project.place / "models" / "blind"
    folder.parent.mkdir(exist_ok=True)
    card = publish(replace(bright, id="blind", title="Blind", folder=folder), bright_network, [], ["a.png"])
    bright_network.set_weights(weights)
    return card


@pytest.fixture
def seeing(bright: ModelCard, bright_network: "keras.Model", project: Project) -> ModelCard:
    """A model of the project that finds all that is bright, and learned from a.png."""
    folder = project.place / "models" / "seeing"
    folder.parent.mkdir(exist_ok=True)
    return publish(replace(bright, id="seeing", title="Seeing", folder=folder), bright_network, [], ["a.png"])


@pytest.fixture
def labelled(project: Project, paint: Paint, truths: Truths) -> Project:
    """All three slides are labelled, b and c held out; a fourth is not."""
    for slide, truth in truths.items():
        paint(slide, truth)
    project.add_hold_out(["b.png", "sub/c.png"])
    picture = cv2.imread(str(project.folder / "a.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    cv2.imwrite(str(project.folder / "d.png"), picture)
    return project


def compared(
    project: Project, before: ModelCard | str, after: ModelCard | str, progress: Progress = NO_PROGRESS
) -> Compared:
    names = [card if isinstance(card, str) else card.id for card in (before, after)]
    return compare(CompareJob(str(project.folder), str(project.place), *names), progress)


def test_one_that_finds_what_is_there_is_better_whichever_comes_first(
    labelled: Project, blind: ModelCard, seeing: ModelCard
) -> None:
    use_model(labelled, "blind")
    before = labelled.states(), labelled.active_model, sorted(labelled.place.rglob("*.tiles"))
    two = compared(labelled, blind, seeing)
    judgement = judge_compared(two)
    assert (two.comparison.rival, two.model) == ("blind", "seeing")
    assert (judgement.verdict, judgement.slides, judgement.dice_before) == (Verdict.BETTER, 2, 0.0)
    assert judgement.dice_after > 0.9
    assert two.comparison.elsewhere_slides == two.comparison.unlabelled_slides == 1
    assert np.array(two.comparison.elsewhere)[0, 1] > 100, "where nobody labelled, too, there are spots now"
    assert (two.left_out, two.unknown) == ((), ())
    assert judge_compared(compared(labelled, seeing, blind)).verdict is Verdict.WORSE
    assert (labelled.states(), labelled.active_model, sorted(labelled.place.rglob("*.tiles"))) == before


def test_a_held_out_slide_that_one_of_them_learned_from_judges_nothing(
    labelled: Project, blind: ModelCard, seeing: ModelCard
) -> None:
    write_learned_slides(blind.folder, ["a.png", "sub/c.png"])
    two = compared(labelled, blind, seeing)
    assert two.left_out == ("sub/c.png",)
    assert {tile.slide for tile in two.comparison.judged} == {"b.png"}


def test_what_is_not_known_of_a_model_is_said(labelled: Project, bright: ModelCard, seeing: ModelCard) -> None:
    assert compared(labelled, str(bright.folder), seeing).unknown == ("bright",)


def test_without_labels_there_is_what_changes(project: Project, blind: ModelCard, seeing: ModelCard) -> None:
    two = compared(project, blind, seeing)
    assert judge_compared(two).verdict is Verdict.NOT_JUDGED
    assert two.comparison.elsewhere_slides == 3
    assert np.array(two.comparison.elsewhere)[0, 1] > 300


def test_slides_that_one_of_them_cant_look_at_are_left_out_and_said(
    labelled: Project, blind: ModelCard, seeing: ModelCard, change_card: Callable[..., ModelCard]
) -> None:
    (labelled.folder / "b.png").write_bytes(b"no picture any more")
    progress = RecordingProgress()
    two = compared(labelled, blind, seeing, progress=progress)
    assert {tile.slide for tile in two.comparison.judged} == {"sub/c.png"}
    assert [event.slide for event in progress.events if isinstance(event, SlideFailed)] == ["b.png"]
    change_card(blind, normalisation=Normalisation(channels=2))
    with pytest.raises(ModelError, match="contradicts its card"):
        compared(labelled, blind, seeing, progress=progress)
    assert "'Blind' looks at 2 channels, but 'sub/c.png' has 1" in str(progress.events[-1])


def test_models_that_find_other_things_are_not_compared(
    labelled: Project, blind: ModelCard, seeing: ModelCard, change_card: Callable[..., ModelCard]
) -> None:
    with pytest.raises(ModelError, match="can't be compared with itself"):
        compared(labelled, blind, blind)
    change_card(blind, classes=make_classes("axon"))
    with pytest.raises(ModelError, match="'Blind' finds axon, but 'Seeing' finds spot, so they can't be compared"):
        compared(labelled, blind, seeing)
    change_card(seeing, classes=make_classes("axon"))
    with pytest.raises(ModelError, match="knows axon, but this project has spot"):
        compared(labelled, blind, seeing)


@pytest.mark.parametrize("stop_at", [0.0, 0.3])
def test_it_can_be_stopped(labelled: Project, blind: ModelCard, seeing: ModelCard, stop_at: float) -> None:
    progress = RecordingProgress(stop_at)
    with pytest.raises(Cancelled, match="The comparison was stopped"):
        compared(labelled, blind, seeing, progress=progress)
    assert max(progress.shares, default=0.0) < stop_at + 0.3


def test_its_progress_rises(labelled: Project, blind: ModelCard, seeing: ModelCard) -> None:
    progress = RecordingProgress()
    compared(labelled, blind, seeing, progress=progress)
    assert progress.shares == sorted(progress.shares)
    assert progress.shares[0] == 0
    assert 0.7 < progress.shares[-1] < 1


def test_a_place_that_holds_no_such_model_is_said(labelled: Project, seeing: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        compared(labelled, str(tmp_path), seeing)
