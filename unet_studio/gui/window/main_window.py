"""The window: it connects what its parts ask for and what they tell; it decides nothing itself."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent

from unet_studio.core.figures.heat import Heat
from unet_studio.core.scoring.next_plane import Order
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui import settings
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.controllers.keys import focus_next_pane
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.newer_proposal import take_newer
from unet_studio.gui.slide_list.sorting import SlideSort
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.actions import connect_actions, show_states
from unet_studio.gui.window.closing import close_down, may_close
from unet_studio.gui.window.enabled import WindowState, enabled_actions
from unet_studio.gui.window.help import open_log_folder, show_about, show_shortcuts
from unet_studio.gui.window.unsaved_dialog import ask_to_leave
from unet_studio.gui.window.window_parts import WindowParts


class MainWindow(WindowParts):
    """One window, one job: looking at slides and putting masks right."""

    def __init__(self) -> None:
        super().__init__()
        connect_actions(self.actions_by_id, self._handlers())
        self._connect_session()
        self._connect_panels()
        self._connect_canvas()
        self._connect_tasks()
        self.session.ask_to_leave = partial(ask_to_leave, self.session, self)
        self.actions_by_id[Tool.MOVE].trigger()  # the first drag of somebody new paints nothing
        self._show_welcome()
        if not self.restoreGeometry(settings.window_geometry()):
            self.resize(1280, 800)
        # The network loads while the first slides are looked at; the window never waits for it.
        QTimer.singleShot(0, self.tasks.proposing.worker.start)

    def open_folder(self, folder: Path, place: Path | None = None) -> None:
        """Open a folder of slides, or the folder of a file, with its project at `place` or where it was kept before."""
        self.opening.open_folder(folder, place)

    # Connections

    def _handlers(self) -> dict[str, Callable[[], object]]:
        session, painting, tasks, actions = self.session, self.painting, self.tasks, self.actions_by_id
        canvas, pointer, at_pointer = self.canvas, self.pointer_events, self.pointer_info
        return {
            "open": self.opening.ask_folder,
            "demo": self.opening.open_demo,
            "export": self.job_controls.ask_export,
            "report": self.job_controls.ask_report,
            "quit": self.close,
            "undo": session.undo,
            "redo": session.redo,
            **{tool.value: partial(self.toolbox.take, tool) for tool in Tool},
            **{name: partial(at_pointer.act, edit) for name, edit in self.objects.by_name.items()},
            "press": pointer.press_or_release,
            "press_alt": partial(pointer.press_or_release, Qt.KeyboardModifier.AltModifier),
            "press_shift": partial(pointer.press_or_release, Qt.KeyboardModifier.ShiftModifier),
            "pick_class": partial(at_pointer.act, painting.pick_class),
            "accept_plane": self.accepting.accept_plane,
            "accept_all": self.accepting.accept_all,
            "take_newer": partial(take_newer, session),
            "interpolate": self.planes.interpolate,
            "copy_labels": self.planes.copy_labels,
            "brush_um": lambda: painting.keep_um(on=actions["brush_um"].isChecked()),
            "brush_smaller": partial(at_pointer.step_brush, -1),
            "brush_larger": partial(at_pointer.step_brush, 1),
            "swap_class": painting.swap_class,
            "zoom_in": canvas.zoom_in,
            "zoom_out": canvas.zoom_out,
            "fit": canvas.fit,
            "actual": lambda: canvas.zoom_to(1.0 / canvas.devicePixelRatioF()),
            "hide_mask": self.overlay.toggle,
            "outlines": self.overlay.update,
            "network_view": lambda: self.inspection.see_network_input(on=actions["network_view"].isChecked()),
            "minimap": lambda: self._switch_minimap(on=actions["minimap"].isChecked()),
            "compare": partial(self.comparison.toggle, CompareMode.SWIPE),
            "compare_side": partial(self.comparison.toggle, CompareMode.SIDE),
            "divider_left": partial(self.comparison.step_divider, -1),
            "divider_right": partial(self.comparison.step_divider, 1),
            "next_pane": lambda: focus_next_pane((self.slides, canvas, self.page.tabs), self.focusWidget()),
            "next_slide": self.queue.next,
            "previous_slide": self.queue.previous,
            "teaches_most": partial(self.queue.find, Order.TEACHES_MOST),
            **{f"next_{order.name.lower()}": partial(self.queue.follow, order) for order in Order},
            **{f"sort_{sort}": partial(self.slides.sort_by, sort) for sort in SlideSort},
            "draw_audit": self.audit.draw,
            "hold_out": self.hold_out.hold_out,
            "learn_from": self.hold_out.learn_from,
            "doubtful": self.doubts.go_on,
            "errors": self.errors.open,
            **{f"heat_{heat}": partial(self._toggle_heat, heat) for heat in Heat},
            "next_plane": partial(session.step_plane, 1),
            "previous_plane": partial(session.step_plane, -1),
            "review": self.navigation.review_and_go_on,
            "clean_up": self.job_controls.show_clean_up,
            "tune": self.job_controls.tune,
            "advise": self.job_controls.advise,
            "flips": lambda: settings.remember_flips(on=actions["flips"].isChecked()),
            "propose": tasks.propose_open_slide,
            "propose_all": tasks.propose_all,
            "retrain": self.job_controls.retrain,
            "train_longer": self.job_controls.train_longer,
            "models": self.model_controls.show_models,
            "cancel": tasks.cancel,
            "shortcuts": partial(show_shortcuts, self),
            "log": open_log_folder,
            "about": partial(show_about, self),
        }

    def _connect_session(self) -> None:
        session, navigation, panels = self.session, self.navigation, self.panel_updates
        session.workspace_opened.connect(self.queue.begin)
        session.workspace_opened.connect(self.doubts.begin)
        session.workspace_opened.connect(self._show_workspace)
        session.workspace_closed.connect(self._show_welcome)
        session.place_needed.connect(lambda *_: self.stack.setCurrentWidget(self.page))
        session.place_needed.connect(self.opening.offer_place)
        session.plane_opened.connect(navigation.select)
        session.plane_opened.connect(self.plane_display.show)
        session.plane_opened.connect(lambda _: self._update())
        session.plane_opened.connect(lambda _: self.queue.look_ahead())
        session.plane_opened.connect(self.doubts.arrive)
        session.slide_failed.connect(lambda *_: self.plane_display.clear())
        session.slide_failed.connect(navigation.tell_unreadable)
        session.slide_failed.connect(lambda *_: self._update())
        session.display_changed.connect(self.plane_display.set_display)
        session.changed.connect(self._refresh)
        session.saving_changed.connect(self.status_line.set_saved)
        session.notice.connect(self.messages.show_notice)
        self.messages.left.connect(self.canvas.setFocus)
        session.notice.connect(self._show_why_not_open)
        self.painting.brush_changed.connect(panels.show_brush)
        self.inspection.tones_measured.connect(self.view_panel.contrast.set_tones)
        self.inspection.network_view_changed.connect(self.plane_display.set_network_view)
        self.inspection.network_view_changed.connect(lambda _: self._update_actions())
        self.inspection.notice.connect(self.messages.show_notice)

    def _connect_panels(self) -> None:
        session, painting = self.session, self.painting
        self.slides.slide_chosen.connect(self.queue.open_slide)
        self.hold_out.changed.connect(self._show_hold_out)
        self.lesson.read.connect(lambda _: self._update_actions())
        self.welcome.folder_chosen.connect(self.open_folder)
        self.propose_panel.model_chosen.connect(session.models.use)
        self.propose_panel.threshold_changed.connect(lambda value, keep: session.set_threshold(value, keep=keep))
        self.clean_up_panel.steps_changed.connect(lambda steps, keep: session.set_steps(steps, keep=keep))
        self.clean_up_panel.advice.use_asked.connect(session.set_recipe)
        self.clean_up_panel.tuning_asked.connect(self.tasks.tune)
        self.retrain_panel.cancel_asked.connect(self.tasks.cancel)
        self.retrain_panel.rule_chosen.connect(session.set_too_close)
        self.view_panel.class_chosen.connect(painting.set_active_class)
        self.view_panel.classes_changed.connect(session.set_classes)
        self.view_panel.overlay_changed.connect(self.overlay.set_look)
        self.view_panel.contrast.display_changed.connect(session.set_display)
        self.rail.size_chosen.connect(painting.set_brush_size)
        self.rail.size_entered.connect(self.canvas.setFocus)
        self.plane_bar.plane_chosen.connect(session.go_to_plane)

    def _connect_canvas(self) -> None:
        canvas, pointer = self.canvas, self.pointer_events
        canvas.brush_size_asked.connect(self.pointer_info.step_brush)
        canvas.plane_asked.connect(self.session.step_plane)
        canvas.outlines_asked.connect(self.actions_by_id["outlines"].trigger)
        canvas.read_failed.connect(self.navigation.tell_unreadable_part)
        canvas.mask_failed.connect(self.navigation.tell_no_mask)
        pointer.moved.connect(self.pointer_info.describe)
        pointer.left.connect(self.pointer_info.clear)
        self.toolbox.under_way_changed.connect(self._update_actions)
        self.toolbox.tool_changed.connect(lambda _: self._show_hint())
        self.comparison.mode_changed.connect(self._update_actions)
        self.comparison.notice.connect(self.messages.show_notice)

    def _connect_tasks(self) -> None:
        tasks = self.tasks
        tasks.began.connect(self.status_line.add_activity)
        tasks.busy_changed.connect(self._update_actions)
        tasks.notice.connect(self.messages.show_notice)
        tasks.retrained.connect(self.job_controls.tell_retrained)
        tasks.retrained.connect(lambda *_: self.panel_updates.show_models())
        tasks.retrained.connect(lambda *_: self._update_actions())
        tasks.proposing.worker.ready.connect(self.status_line.set_device)
        tasks.proposing.worker.died.connect(self.status_line.set_device_problem)
        tasks.proposing.slide_failed.connect(self.navigation.show_problem)
        tasks.advising.advised.connect(self.clean_up_panel.advice.show_advice)
        tasks.tuning.tuned.connect(self.clean_up_panel.take_watershed)
        tasks.figures.measured.connect(self.slides.set_figures)
        tasks.retraining.began.connect(self.retrain_panel.begin)
        # Or the next button in the panel would have the keyboard.
        tasks.retraining.began.connect(lambda _: self.canvas.setFocus())
        tasks.retraining.failed.connect(self.job_controls.offer_resuming)
        tasks.retraining.preparing.connect(self.retrain_panel.show_preparing)
        tasks.retraining.round_ended.connect(self.retrain_panel.add_round)

    # What the window itself shows

    def _refresh(self, changes: Changes) -> None:
        """Show what changed wherever it is seen."""
        workspace, navigation, panels = self.session.workspace, self.navigation, self.panel_updates
        if changes.mask is not None:
            self.canvas.change_mask(changes.mask)
        if not changes.box.is_empty:
            self.canvas.refresh_mask(changes.box)
        if changes.recipe and workspace is not None:
            panels.show_recipe(workspace)
        if changes.all_slides or changes.slides:
            navigation.show_states(None if changes.all_slides else changes.slides)
            self._update_actions()  # a newer proposal may have come
            panels.show_under()
        if changes.classes:
            panels.show_classes()
            self.overlay.update()
        if changes.models:
            panels.show_models()
            self.queue.look_ahead()
        if changes.history:
            self._update()

    def _show_workspace(self, workspace: Workspace) -> None:
        self.setWindowTitle(f"{workspace.folder.name} — U-Net Studio")
        self.stack.setCurrentWidget(self.page)
        self.navigation.list_slides(workspace)
        self.audit.show(workspace)
        self.hold_out.show()
        self.lesson.show()
        self.panel_updates.show_workspace(workspace)
        self.clean_up_panel.advice.clear()
        self.overlay.update()
        if workspace.read_only:
            self.status_line.set_read_only(workspace.read_only)
        self._show_hint()
        self.job_controls.offer_resuming()
        self.canvas.setFocus()

    def _show_hold_out(self) -> None:
        """Other slides are selected or held out: what can be done with them, and what comes of it."""
        self._update_actions()
        self.hold_out.explain(self.actions_by_id["hold_out"], self.actions_by_id["learn_from"])

    def _show_welcome(self) -> None:
        self.setWindowTitle("U-Net Studio")
        self.welcome.set_problem("")
        self.welcome.set_recent(settings.recent_folders())
        self.status_line.hide_saved()
        self.plane_display.clear()
        self.stack.setCurrentWidget(self.welcome)
        self._show_hint()
        self._update()

    def _show_why_not_open(self, notice: Notice) -> None:
        """Without an open folder the messages aren't in view."""
        if self.session.workspace is None and notice.kind is NoticeKind.ERROR:
            self.welcome.set_problem(notice.text)

    def _show_hint(self) -> None:
        """Say what the tool in use does, where there is something to use it on."""
        tip = self.actions_by_id[self.toolbox.tool].statusTip()
        self.status_line.set_hint(tip if self.session.workspace is not None else "")

    def _switch_minimap(self, *, on: bool) -> None:
        self.minimap.set_wanted(on)
        settings.remember_minimap(on=on)

    def _toggle_heat(self, heat: Heat) -> None:
        self.overlay.toggle_heat(heat)
        self._update_actions()

    def _update(self) -> None:
        """What is open or what can be undone changed."""
        self._update_actions()
        self.panel_updates.show_under()
        self.pointer_info.update()

    def _update_actions(self) -> None:
        show_states(self.actions_by_id, enabled_actions(self._state()))

    def _state(self) -> WindowState:
        workspace, plane, tasks = self.session.workspace, self.session.plane, self.tasks
        undo, redo = (workspace.next_undo, workspace.next_redo) if workspace is not None else (None, None)
        return WindowState(
            is_open=workspace is not None,
            is_read_only=workspace is not None and bool(workspace.read_only),
            has_labels=workspace is not None and bool(workspace.states),
            can_learn=self.lesson.can_learn,
            can_hold_out=bool(self.hold_out.to_hold),
            can_let_go=bool(self.hold_out.to_let_go),
            planes=plane.reader.info.planes if plane is not None else 0,
            has_newer=plane is not None and plane.newer is not None,
            undo=undo.sentence if undo is not None else None,
            redo=redo.sentence if redo is not None else None,
            is_tool_under_way=self.toolbox.is_under_way,
            is_proposing=tasks.proposing.is_busy,
            is_retraining=tasks.retraining.is_busy,
            has_trained=bool(tasks.last_trained),
            is_tuning=tasks.tuning.is_busy,
            is_advising=tasks.advising.is_busy,
            is_exporting=tasks.exporting.is_busy,
            is_reporting=tasks.reporting.is_busy,
            is_searching=tasks.next_plane.is_wanted,
            is_busy=tasks.is_busy,
            compares=self.comparison.mode,
            heat=self.overlay.heat,
            sees_network_input=self.inspection.wants_network,
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        if not may_close(self, self.tasks) or not self.session.may_leave():
            event.ignore()
            return
        settings.remember_geometry(self.saveGeometry())
        close_down(self.tasks, self.session, (self.reading, self.painting_tiles, self.working, self.thumbnails))
        super().closeEvent(event)
