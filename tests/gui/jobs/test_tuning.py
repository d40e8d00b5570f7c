"""A watershed is tuned in the background, with real clicks and keys; what is found is one edit of the clean-up."""

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from unet_studio.core.cleaning.steps import Step, parse_steps
from unet_studio.core.editing.regions import Region
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.usecases.cleaning import tune as core_tuning
from unet_studio.usecases.cleaning.tune import TunedWatershed

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIZE = 128


def two_cells() -> NDArray[np.uint8]:
    """The probability of two cells with a faint valley between them."""
    probability = np.zeros((SIZE, SIZE), np.uint8)
    probability[20:100, 10:110] = 240
    probability[20:100, 59:61] = 180
    return probability


def prepare(hand: "Hand", steps: str) -> None:
    """Slide s1.png proposed as one object, and reviewed as two."""
    hand.give_proposal("s1.png", two_cells())
    session = hand.window.session
    session.set_steps(parse_steps(steps))
    hand.window.clean_up_panel.set_recipe(parse_steps(steps), hand.window.clean_up_panel._classes)
    painting, plane = hand.window.painting, session.plane
    assert plane is not None
    painting.paint(plane, Region(Box(20, 59, 100, 61), np.ones((80, 2), np.bool_)), 0, "brush")
    with hand.qtbot.waitSignal(session.changed, check_params_cb=lambda changes: bool(changes.slides)):
        hand.window.accepting.review()


def tune_button(hand: "Hand") -> QPushButton:
    hand.window.page.tabs.setCurrentWidget(hand.window.page.tabs.widget(1))
    found: list[QPushButton] = []

    def is_alone() -> bool:  # the rows of the recipe before go when the window comes to it
        found[:] = [b for b in hand.window.clean_up_panel.findChildren(QPushButton) if b.text() == "Tune on labels"]
        return len(found) == 1

    hand.qtbot.waitUntil(is_alone)
    return found[0]


def told(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))


def steps(hand: "Hand") -> tuple[Step, ...]:
    assert hand.window.session.workspace is not None
    return hand.window.session.workspace.steps


def test_a_click_finds_better_numbers_and_one_undo_takes_them_back(hand: "Hand") -> None:
    prepare(hand, "open:1,watershed:0:0.9")
    button = tune_button(hand)
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.tuned):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert not button.isEnabled()
        assert hand.window.tasks.is_busy
    assert [step.operation for step in steps(hand)] == ["open", "watershed"]
    assert steps(hand)[1].height <= 0.2
    assert hand.window.clean_up_panel.steps() == steps(hand)
    assert "Tuned on 1 labelled plane" in told(hand)
    assert "agreement with your labels (V-Rand) is 1.000, before 0." in told(hand)
    assert tune_button(hand).isEnabled()
    hand.saved()
    with Project.open(hand.window.session.workspace.folder) as project:
        assert project.steps() == steps(hand)
    hand.window.session.undo()
    assert steps(hand) == parse_steps("open:1,watershed:0:0.9")
    assert hand.window.clean_up_panel.steps() == steps(hand)


def test_the_key_tunes_the_watershed_and_adds_one_where_there_is_none(hand: "Hand") -> None:
    prepare(hand, "open:1")
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.tuned):
        hand.key(Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    assert hand.window.page.tabs.currentIndex() == 1
    assert [step.operation for step in steps(hand)] == ["open", "watershed"]


def test_a_clean_up_that_is_as_good_already_stays(hand: "Hand") -> None:
    prepare(hand, "watershed:0:0.1")
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.notice):
        tune_button(hand).click()
    assert "divides better than the clean-up as it is: its agreement with your labels (V-Rand) is 1.000" in told(hand)
    assert steps(hand) == parse_steps("watershed:0:0.1")


def test_without_a_reviewed_slide_it_says_what_to_do(hand: "Hand") -> None:
    hand.give_proposal("s1.png", two_cells())
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.notice):
        hand.key(Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    assert "nothing to tune the watershed on" in told(hand)
    assert "correct and review a slide on which objects touch" in told(hand)
    assert steps(hand) == ()
    assert not hand.window.tasks.is_busy


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Holds a tuning back until it is set."""
    event, tune = threading.Event(), core_tuning.tune

    def wait_and_tune(*args: object, **named: object) -> TunedWatershed:
        assert event.wait(10)
        return tune(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("unet_studio.gui.jobs.tuning.tune", wait_and_tune)
    return event


def test_escape_stops_it_and_nothing_changes(hand: "Hand", go_on: threading.Event) -> None:
    prepare(hand, "watershed:0:0.9")
    tune_button(hand).click()
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.notice):
        hand.key(Qt.Key.Key_Escape)
        go_on.set()
    assert "Tuning was stopped" in told(hand)
    assert steps(hand) == parse_steps("watershed:0:0.9")


def test_what_is_changed_in_the_recipe_meanwhile_stays(hand: "Hand", go_on: threading.Event) -> None:
    prepare(hand, "watershed:0:0.9")
    tune_button(hand).click()
    hand.window.clean_up_panel._add_step("remove-small")
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.tuned):
        go_on.set()
    assert [step.operation for step in steps(hand)] == ["watershed", "remove-small"]
    assert steps(hand)[0].height < 0.9


def test_another_folder_is_not_given_what_was_found_in_the_last(hand: "Hand", go_on: threading.Event) -> None:
    prepare(hand, "watershed:0:0.9")
    found: list[Step] = []
    hand.window.tasks.tuning.tuned.connect(found.append)
    tune_button(hand).click()
    assert hand.window.session.workspace is not None
    folder = hand.window.session.workspace.folder
    hand.open(folder)
    go_on.set()
    hand.qtbot.wait(200)
    assert not found
    assert not hand.window.tasks.is_busy
    with hand.qtbot.waitSignal(hand.window.tasks.tuning.tuned):
        tune_button(hand).click()
    assert len(found) == 1
