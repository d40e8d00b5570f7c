"""Which actions can be chosen or are ticked, and what undo and redo would do: one function of the window's state."""

from collections.abc import Mapping
from dataclasses import dataclass

from unet_studio.core.figures.heat import Heat
from unet_studio.gui.comparing.modes import CompareMode

OBJECT_ACTIONS = ("relabel", "grow", "shrink", "smooth", "split", "fill_holes", "delete")
"""What is done with the object under the pointer."""


@dataclass(frozen=True, slots=True)
class WindowState:
    """All that decides which actions can be chosen; as it is given here, no folder is open.

    `can_learn` is False where a training would be refused; the selected slides can be held out, or let go.
    `planes` counts those of the open slide, 0 where none is shown. `has_newer` says that the open plane was corrected
    on another proposal than the active model's newest. `undo` and `redo` are the sentences of the edits that would be
    taken back or made again, None where there is none. `has_trained` says that a model was trained since the folder was
    opened.
    """

    is_open: bool = False
    is_read_only: bool = False
    has_labels: bool = False
    can_learn: bool = True
    can_hold_out: bool = False
    can_let_go: bool = False
    planes: int = 0
    has_newer: bool = False
    undo: str | None = None
    redo: str | None = None
    is_tool_under_way: bool = False
    is_proposing: bool = False
    is_retraining: bool = False
    has_trained: bool = False
    is_tuning: bool = False
    is_advising: bool = False
    is_exporting: bool = False
    is_reporting: bool = False
    is_searching: bool = False
    is_busy: bool = False
    compares: CompareMode | None = None
    sees_network_input: bool = False
    heat: Heat | None = None


@dataclass(frozen=True, slots=True)
class ActionStates:
    """By the ids of actions; one that isn't named can always be chosen, and keeps its tick and its text."""

    enabled: Mapping[str, bool]
    checked: Mapping[str, bool]
    sentences: Mapping[str, str]
    """The edits that `undo` and `redo` are about, empty where there is none."""


def enabled_actions(state: WindowState) -> ActionStates:
    """What the actions of a window in this state look like."""
    can_edit = state.is_open and not state.is_read_only
    shows_plane = state.planes > 0
    is_stack = state.planes > 1
    undo, redo = (sentence if can_edit else None for sentence in (state.undo, state.redo))
    return ActionStates(
        enabled={
            "undo": undo is not None or state.is_tool_under_way,
            "redo": redo is not None,
            **dict.fromkeys(OBJECT_ACTIONS, shows_plane),
            "pick_class": shows_plane,
            "accept_plane": shows_plane,
            "accept_all": state.is_open,
            "take_newer": can_edit and state.has_newer,
            "interpolate": is_stack,
            "copy_labels": is_stack,
            "teaches_most": state.is_open and not state.is_searching,
            "draw_audit": can_edit,
            "hold_out": can_edit and state.can_hold_out,
            "learn_from": can_edit and state.can_let_go,
            "doubtful": state.is_open,
            "errors": state.is_open,
            **{f"heat_{heat}": shows_plane for heat in Heat},
            "next_plane": is_stack,
            "previous_plane": is_stack,
            "review": can_edit and shows_plane,
            "propose": can_edit and shows_plane and not state.is_proposing,
            "propose_all": can_edit and not state.is_proposing,
            "advise": can_edit and not state.is_advising,
            "tune": can_edit and not state.is_tuning,
            "retrain": can_edit and state.has_labels and state.can_learn and not state.is_retraining,
            "train_longer": can_edit and state.has_labels and state.has_trained and not state.is_retraining,
            "models": state.is_open,
            "export": state.is_open and not state.is_exporting,
            "report": state.is_open and not state.is_reporting,
            "cancel": state.is_busy,
            "compare": shows_plane,
            "compare_side": shows_plane,
            "divider_left": state.compares is CompareMode.SWIPE,
            "divider_right": state.compares is CompareMode.SWIPE,
        },
        checked={
            "compare": state.compares is CompareMode.SWIPE,
            "compare_side": state.compares is CompareMode.SIDE,
            "network_view": state.sees_network_input,
            **{f"heat_{heat}": state.heat is heat for heat in Heat},
        },
        sentences={"undo": undo or "", "redo": redo or ""},
    )
