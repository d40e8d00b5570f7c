"""What can be chosen, as a function of the window's state alone."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.figures.heat import Heat
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.window.actions import ACTIONS
from unet_studio.gui.window.enabled import OBJECT_ACTIONS, WindowState, enabled_actions

SHOWN = WindowState(is_open=True, planes=1)
STACK = replace(SHOWN, planes=5)
EDITS = {"undo", "redo", "review", "propose", "propose_all", "tune", "advise", "retrain", "train_longer", "draw_audit"}

states = st.builds(
    WindowState,
    planes=st.integers(0, 3),
    undo=st.none() | st.just("brush nucleus on a.png"),
    redo=st.none() | st.just("review of a.png"),
    compares=st.none() | st.sampled_from(CompareMode),
)


def enabled(state: WindowState) -> set[str]:
    """The actions that can be chosen, of those that can't always be."""
    return {name for name, on in enabled_actions(state).enabled.items() if on}


def test_it_needs_no_qt() -> None:
    script = "import sys, unet_studio.gui.window.enabled; sys.exit('PySide6' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


@given(states)
def test_every_name_is_one_of_the_table(state: WindowState) -> None:
    found = enabled_actions(state)
    table = {spec.id for spec in ACTIONS}
    assert set(found.enabled) | set(found.checked) | set(found.sentences) <= table
    assert set(found.checked) <= {spec.id for spec in ACTIONS if spec.checkable}


def test_without_a_folder_nothing_can_be_chosen() -> None:
    assert enabled(WindowState()) == set()


def test_a_newer_proposal_can_be_taken_where_there_is_one_and_something_may_be_changed() -> None:
    offered = replace(SHOWN, has_newer=True)
    assert enabled(offered) - enabled(SHOWN) == {"take_newer"}
    assert "take_newer" not in enabled(replace(offered, is_read_only=True))


def test_what_needs_a_plane_and_what_a_stack() -> None:
    without_plane = enabled(WindowState(is_open=True))
    queue = {"teaches_most", "draw_audit", "doubtful", "errors"}
    assert without_plane == {"accept_all", "export", "models", "propose_all", "tune", "advise", "report", *queue}
    of_plane = {*OBJECT_ACTIONS, "pick_class", "accept_plane", "review", "propose", "compare", "compare_side"}
    of_plane |= {"heat_uncertainty", "heat_disagreement"}
    assert enabled(SHOWN) - without_plane == of_plane
    assert enabled(STACK) - enabled(SHOWN) == {"interpolate", "copy_labels", "next_plane", "previous_plane"}


@given(states)
def test_where_nothing_can_be_written_no_action_that_writes_can_be_chosen(state: WindowState) -> None:
    found = enabled_actions(replace(state, is_open=True, is_read_only=True, is_tool_under_way=False))
    assert not any(found.enabled[name] for name in EDITS)
    assert found.sentences == {"undo": "", "redo": ""}


@pytest.mark.parametrize("name", ["undo", "redo"])
def test_undo_and_redo_say_what_they_are_about(name: str) -> None:
    state = replace(SHOWN, **{name: "brush nucleus on a.png"})
    assert name in enabled(state) and name not in enabled(SHOWN)
    assert enabled_actions(state).sentences[name] == "brush nucleus on a.png"


def test_what_a_tool_has_under_way_can_be_undone() -> None:
    state = replace(SHOWN, is_tool_under_way=True)
    assert "undo" in enabled(state)
    assert enabled_actions(state).sentences["undo"] == ""


@pytest.mark.parametrize(
    ("busy", "actions"),
    [
        ("is_proposing", {"propose", "propose_all"}),
        ("is_tuning", {"tune"}),
        ("is_retraining", {"retrain", "train_longer"}),
        ("is_exporting", {"export"}),
        ("is_searching", {"teaches_most"}),
    ],
)
def test_what_runs_is_not_started_twice_and_can_be_cancelled(busy: str, actions: set[str]) -> None:
    idle = replace(SHOWN, has_labels=True, has_trained=True)
    running = replace(idle, is_busy=True, **{busy: True})
    assert enabled(idle) - enabled(running) == actions
    assert enabled(running) - enabled(idle) == {"cancel"}


def test_a_retraining_needs_labels() -> None:
    assert enabled(replace(SHOWN, has_labels=True)) - enabled(SHOWN) == {"retrain"}


def test_only_what_was_trained_can_be_trained_longer() -> None:
    labelled = replace(SHOWN, has_labels=True)
    assert enabled(replace(labelled, has_trained=True)) - enabled(labelled) == {"train_longer"}


@pytest.mark.parametrize("mode", [None, *CompareMode])
def test_ticks_follow_what_is_shown_and_only_a_swipe_has_a_divider(mode: CompareMode | None) -> None:
    found = enabled_actions(replace(SHOWN, compares=mode, sees_network_input=True))
    heats = {"heat_uncertainty": False, "heat_disagreement": False}
    assert found.checked == {"compare": mode == "swipe", "compare_side": mode == "side", "network_view": True, **heats}
    assert found.enabled["divider_left"] == found.enabled["divider_right"] == (mode == "swipe")


def test_one_kind_of_heat_is_ticked_at_most() -> None:
    for heat in Heat:
        ticked = enabled_actions(replace(SHOWN, heat=heat)).checked
        assert [name for name, on in ticked.items() if on] == [f"heat_{heat}"]
