"""The window: it builds the parts and connects their intentions to session and tasks; it decides nothing itself."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QImage, QKeyEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMessageBox, QStackedWidget, QWidget

from unet_studio.core.figures.display import Display, NetworkView
from unet_studio.core.figures.mask_colours import colour_table
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.demo.slides import prepare_demo
from unet_studio.errors import StudioError
from unet_studio.gui import settings
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.compare_bar import CompareMode
from unet_studio.gui.canvas.comparison import Comparison
from unet_studio.gui.canvas.minimap import Minimap
from unet_studio.gui.canvas.pointer_events import Pointing
from unet_studio.gui.canvas.toolbox import Toolbox
from unet_studio.gui.canvas.touch import Touch
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.jobs import Tasks
from unet_studio.gui.jobs.retraining import Outcome
from unet_studio.gui.panels.clean_up_panel import CleanUpPanel
from unet_studio.gui.panels.export_dialog import ExportDialog
from unet_studio.gui.panels.propose_panel import ProposePanel
from unet_studio.gui.panels.retrain_panel import RetrainPanel, describe
from unet_studio.gui.panels.view_panel import ViewPanel
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.inspection import Viewing
from unet_studio.gui.session.object_edits import ObjectEdits
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.session.plane_edits import PlaneEdits
from unet_studio.gui.session.session import OpenPlane, Session
from unet_studio.gui.slide_list.model import SlideListModel, SlideStatus
from unet_studio.gui.slide_list.slide_list import SlideListPanel
from unet_studio.gui.slide_list.statuses import slide_statuses
from unet_studio.gui.slide_list.thumbnails import read_thumbnail
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.about import show_about
from unet_studio.gui.window.actions import build_actions, fill_menus, show_shortcuts
from unet_studio.gui.window.message_bar import MessageBar
from unet_studio.gui.window.status_line import StatusLine
from unet_studio.gui.window.welcome import Welcome
from unet_studio.gui.window.work_page import PlaneBar, ToolRail, WorkPage


class MainWindow(QMainWindow):
    """One window, one job: looking at slides and putting masks right."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("U-Net Studio")
        self.setAcceptDrops(True)
        self._background = Background(2, self)
        self._thumbnails = Background(1, self)
        self.session = Session(self._background, self)
        self.painting = Painting(self.session, self)
        self.accepting = Accepting(self.session, self._background, self)
        self.viewing = Viewing(self.session, self._background, self)
        self.tasks = Tasks(self.session, self._background, self._box_in_view, self)

        self.canvas = Canvas(self._background)
        self.pointing = Pointing(self.canvas)
        self.touch = Touch(self.canvas)
        self.minimap = Minimap(self.canvas, self._background)
        self.comparison = Comparison(self.session, self.canvas, self._background, self)
        self.toolbox = Toolbox(self.painting, self.accepting, self.canvas, self.pointing, self)
        self.objects = ObjectEdits(self.painting, self)
        self.planes = PlaneEdits(self.session, self._background, self)
        self.slides = SlideListPanel(SlideListModel(self._thumbnails, self._read_thumbnail))
        self.messages = MessageBar()
        self.actions_by_id = build_actions(self, self._handlers(), canvas_like=(self.canvas, self.slides))
        actions = self.actions_by_id
        actions["flips"].setChecked(settings.proposes_with_flips())
        self.propose_panel = ProposePanel(actions["propose"], actions["propose_all"], actions["flips"])
        self.clean_up_panel = CleanUpPanel(actions["tune"])
        self.retrain_panel = RetrainPanel(actions["retrain"])
        self.view_panel = ViewPanel(actions["outlines"])
        self.rail = ToolRail(
            [actions[tool] for tool in Tool], [actions[name] for name in ("undo", "redo", "zoom_in", "zoom_out", "fit")]
        )
        self.plane_bar = PlaneBar()
        self.status_line = StatusLine()
        self.welcome = Welcome(actions["open"], actions["demo"])

        panels = {
            self.tr("Propose"): self.propose_panel,
            self.tr("Clean up"): self.clean_up_panel,
            self.tr("Retrain"): self.retrain_panel,
        }
        self.page = WorkPage(
            self.slides, self.canvas, self.comparison, self.messages, self.rail, self.plane_bar, panels, self.view_panel
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.welcome)
        self._stack.addWidget(self.page)
        self.setCentralWidget(self._stack)
        self.setStatusBar(self.status_line)
        fill_menus(self.menuBar(), actions)
        actions["minimap"].setChecked(self.minimap.is_wanted)

        self._connect_session()
        self._connect_panels()
        self._connect_canvas()
        self._connect_tasks()
        actions[Tool.BRUSH].trigger()
        self._update_overlay()
        self._update_actions()
        self._show_welcome()
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
        if not self.restoreGeometry(settings.window_geometry()):
            self.resize(1280, 800)
        # The network loads while the first slides are looked at; the window never waits for it.
        QTimer.singleShot(0, self.tasks.proposing.worker.start)

    # Wiring

    def _handlers(self) -> dict[str, Callable[[], object]]:
        session, painting, tasks = self.session, self.painting, self.tasks
        canvas, pointing = self.canvas, self.pointing
        return {
            "open": self.ask_folder,
            "demo": self.open_demo,
            "export": self.ask_export,
            "quit": self.close,
            "undo": session.undo,
            "redo": session.redo,
            **{tool.value: partial(self.toolbox.take, tool) for tool in Tool},
            **{name: partial(self._at_pointer, edit) for name, edit in self.objects.by_name.items()},
            "press": pointing.press_or_release,
            "press_alt": lambda: pointing.press_or_release(Qt.KeyboardModifier.AltModifier),
            "press_shift": lambda: pointing.press_or_release(Qt.KeyboardModifier.ShiftModifier),
            "pick_class": lambda: self._at_pointer(painting.pick_class),
            "accept_plane": self.accepting.accept_plane,
            "accept_all": self.accepting.accept_all,
            "interpolate": self.planes.interpolate,
            "copy_labels": self.planes.copy_labels,
            "brush_um": lambda: painting.keep_um(on=self.actions_by_id["brush_um"].isChecked()),
            "brush_smaller": lambda: self._step_brush(-1),
            "brush_larger": lambda: self._step_brush(1),
            "swap_class": painting.swap_class,
            "zoom_in": canvas.zoom_in,
            "zoom_out": canvas.zoom_out,
            "fit": canvas.fit,
            "actual": lambda: canvas.zoom_to(1.0 / canvas.devicePixelRatioF()),
            "hide_mask": lambda: canvas.mask_layer.setVisible(not canvas.mask_layer.isVisible()),
            "outlines": self._update_overlay,
            "network_view": lambda: self.viewing.see_network_input(on=self.actions_by_id["network_view"].isChecked()),
            "minimap": lambda: self.minimap.set_wanted(self.actions_by_id["minimap"].isChecked()),
            "compare": lambda: self.comparison.toggle(CompareMode.SWIPE),
            "compare_side": lambda: self.comparison.toggle(CompareMode.SIDE),
            "divider_left": lambda: self.comparison.step_divider(-1),
            "divider_right": lambda: self.comparison.step_divider(1),
            "next_pane": self._focus_next_pane,
            "next_slide": lambda: self._go(self.slides.next_slide()),
            "previous_slide": lambda: self._go(self.slides.previous_slide()),
            "next_plane": lambda: session.step_plane(1),
            "previous_plane": lambda: session.step_plane(-1),
            "review": self._review_and_go_on,
            "clean_up": lambda: self.page.tabs.setCurrentIndex(1),
            "tune": self._tune,
            "flips": lambda: settings.remember_flips(on=self.actions_by_id["flips"].isChecked()),
            "propose": tasks.propose_open_slide,
            "propose_all": tasks.propose_all,
            "retrain": self._retrain,
            "cancel": tasks.cancel,
            "shortcuts": lambda: show_shortcuts(self),
            "about": lambda: show_about(self),
        }

    def _connect_session(self) -> None:
        session = self.session
        session.workspace_opened.connect(self._on_workspace)
        session.workspace_closed.connect(self._show_welcome)
        session.place_needed.connect(self._on_place_needed)
        session.plane_opened.connect(self._on_plane)
        session.slide_failed.connect(self._on_slide_failed)
        session.display_changed.connect(self.canvas.slide_layer.set_display)
        session.display_changed.connect(self.minimap.set_display)
        session.display_changed.connect(self.view_panel.contrast.set_display)
        self.viewing.tones_measured.connect(self.view_panel.contrast.set_tones)
        self.viewing.network_view_changed.connect(self._on_network_view)
        self.viewing.notice.connect(self.messages.show_notice)
        session.labels_changed.connect(self.canvas.refresh_mask)
        session.mask_recipe_changed.connect(self.comparison.change_mask)
        session.state_changed.connect(self._on_state)
        session.states_reset.connect(self._reset_statuses)
        session.states_reset.connect(self._update_basis)
        session.recipe_changed.connect(lambda opened: self.propose_panel.set_threshold(opened.threshold))
        session.recipe_changed.connect(lambda opened: self.clean_up_panel.set_recipe(opened.steps, opened.classes))
        session.history_changed.connect(self._update_actions)
        session.history_changed.connect(self._describe_pointer)
        session.classes_changed.connect(self._on_classes)
        session.models_changed.connect(self._on_models)
        self.painting.brush_changed.connect(self._on_brush)
        self.toolbox.under_way_changed.connect(self._update_actions)
        self.toolbox.tool_changed.connect(self._show_hint)
        session.saving_changed.connect(self.status_line.set_saved)
        session.notice.connect(self.messages.show_notice)

    def _connect_panels(self) -> None:
        session, painting = self.session, self.painting
        self.slides.slide_chosen.connect(lambda slide: session.open_plane(PlaneId(slide)))
        self.welcome.folder_chosen.connect(self.open_folder)
        self.propose_panel.model_chosen.connect(session.use_model)
        self.propose_panel.threshold_changed.connect(lambda value, keep: session.set_threshold(value, keep=keep))
        self.clean_up_panel.steps_changed.connect(lambda steps, keep: session.set_steps(steps, keep=keep))
        self.clean_up_panel.tuning_asked.connect(self.tasks.tune)
        self.retrain_panel.cancel_asked.connect(self.tasks.cancel)
        self.view_panel.class_chosen.connect(painting.set_active_class)
        self.view_panel.classes_changed.connect(session.set_classes)
        self.view_panel.overlay_changed.connect(lambda *_: self._update_overlay())
        self.view_panel.contrast.display_changed.connect(session.set_display)
        self.rail.size_chosen.connect(painting.set_brush_size)
        self.rail.size_entered.connect(self.canvas.setFocus)
        self.plane_bar.plane_chosen.connect(session.go_to_plane)

    def _connect_canvas(self) -> None:
        canvas, session = self.canvas, self.session
        canvas.brush_size_asked.connect(self._step_brush)
        canvas.plane_asked.connect(session.step_plane)
        canvas.outlines_asked.connect(self.actions_by_id["outlines"].trigger)
        self.pointing.moved.connect(self._on_cursor)
        canvas.read_failed.connect(self._on_read_failed)
        self.comparison.mode_changed.connect(self._update_actions)
        self.comparison.notice.connect(self.messages.show_notice)
        self.pointing.left.connect(lambda: self.status_line.set_position(""))

    def _connect_tasks(self) -> None:
        tasks = self.tasks
        tasks.began.connect(self.status_line.add_activity)
        tasks.busy_changed.connect(self._update_actions)
        tasks.notice.connect(self.messages.show_notice)
        tasks.retrained.connect(self._on_retrained)
        tasks.proposing.worker.ready.connect(self.status_line.set_device)
        tasks.proposing.worker.died.connect(self.status_line.set_device_problem)
        tasks.proposing.slide_failed.connect(
            lambda slide, reason: self.slides.set_status(slide, SlideStatus(problem=reason))
        )
        tasks.tuning.tuned.connect(self.clean_up_panel.take_watershed)
        tasks.retraining.began.connect(self.retrain_panel.begin)
        tasks.retraining.round_ended.connect(self.retrain_panel.add_round)

    # Folder

    def open_folder(self, folder: Path, place: Path | None = None) -> None:
        """Open a folder of slides; a file stands for the folder it is in."""
        folder = (folder.parent if folder.is_file() else folder).resolve()
        self.tasks.stop()
        self.messages.clear()
        if self.session.open_folder(folder, place or settings.place_of(folder)):
            settings.remember_folder(folder)
            if place is not None:
                settings.remember_place(folder, place)
        self.tasks.proposing.worker.start()

    def ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Open a folder of slides"))
        if chosen:
            self.open_folder(Path(chosen))

    def open_demo(self) -> None:
        """Open a copy of the bundled slides, which may be painted on."""
        try:
            self.open_folder(prepare_demo())
        except StudioError as error:
            self.messages.show_notice(Notice(str(error), NoticeKind.ERROR))

    def ask_export(self) -> None:
        if self.session.workspace is None:
            return
        dialog = ExportDialog(self.session.workspace.place / "export", self)
        if dialog.exec() == ExportDialog.DialogCode.Accepted:
            self.tasks.export(dialog.request())

    def _on_place_needed(self, folder: Path, reason: str) -> None:
        self._stack.setCurrentWidget(self.page)
        self.messages.show_notice(
            Notice(reason, NoticeKind.WARNING, self.tr("Choose a place…"), lambda: self._ask_place(folder))
        )

    def _ask_place(self, folder: Path) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where shall the project be kept?"))
        if chosen:
            self.open_folder(folder, Path(chosen) / folder.name)

    def _on_workspace(self, workspace: Workspace) -> None:
        self.setWindowTitle(f"{workspace.folder.name} — U-Net Studio")
        self._stack.setCurrentWidget(self.page)
        self.slides.set_slides(workspace.slides)
        self._reset_statuses()
        self._on_classes()
        self._on_models()
        self.propose_panel.set_threshold(workspace.threshold)
        if workspace.read_only:
            self.status_line.set_read_only(workspace.read_only)
        self._update_basis()
        self._show_hint()
        self.canvas.setFocus()

    def _show_welcome(self) -> None:
        self.setWindowTitle("U-Net Studio")
        self.welcome.set_recent(settings.recent_folders())
        self._show_on_canvas(None)
        self._stack.setCurrentWidget(self.welcome)
        self._update_actions()
        self._show_hint()
        self._describe_pointer()

    # Slides and planes

    def _go(self, slide: str | None) -> None:
        if slide is not None:
            self.slides.select(slide)
            self.session.open_plane(PlaneId(slide))

    def _review_and_go_on(self) -> None:
        plane = self.session.plane
        if plane is None or plane.id.slide != self.slides.current():
            return  # the next slide is still being read: nobody has seen what would be confirmed
        if not self.accepting.review():
            return
        following = self.slides.next_slide()
        if following is not None:
            self._go(following)
        else:
            self.messages.show_notice(Notice(self.tr("This was the last slide of the list.")))

    def _on_plane(self, plane: OpenPlane) -> None:
        self.slides.select(plane.id.slide)
        self._show_on_canvas(plane)
        self.plane_bar.set_plane(plane.id.plane, plane.reader.info.planes)
        self._describe_pointer()
        self._update_actions()
        neighbours = (self.slides.next_slide(), self.slides.previous_slide())
        self.session.read_ahead([slide for slide in neighbours if slide is not None])

    def _show_on_canvas(self, plane: OpenPlane | None) -> None:
        if plane is None:
            self.canvas.show_plane(None, 0, Display(), None)
            self.minimap.show_plane(None, 0, Display())
            self.view_panel.contrast.open_plane(Display())
        else:
            self.canvas.show_plane(plane.reader, plane.id.plane, plane.display, plane.view)
            self.minimap.show_plane(plane.reader, plane.id.plane, plane.display)
            self.view_panel.contrast.open_plane(plane.display)
        self.comparison.show_plane()

    def _box_in_view(self) -> Box:
        """The part of the open plane that is on the canvas, in pixels of the plane."""
        seen = self.canvas.mapToScene(self.canvas.viewport().rect()).boundingRect().toAlignedRect()
        plane = self.canvas.slide_layer.boundingRect().toAlignedRect()
        shown = seen.intersected(plane)
        return Box(shown.y(), shown.x(), shown.y() + shown.height(), shown.x() + shown.width())

    def _on_read_failed(self, reason: str) -> None:
        """The slide on the canvas shrank, vanished or turned unreadable; its labels can still be worked on."""
        if self.session.plane is not None:
            text = self.tr("{0} Its labels are kept.").format(reason)
            self.slides.set_status(self.session.plane.id.slide, SlideStatus(problem=reason))
            self.messages.show_notice(Notice(text, NoticeKind.WARNING))

    def _on_slide_failed(self, slide: str, reason: str) -> None:
        self.slides.select(slide)
        self._show_on_canvas(None)
        self.slides.set_status(slide, SlideStatus(problem=reason))
        self.messages.show_notice(Notice(reason, NoticeKind.WARNING))
        self._update_actions()
        self._describe_pointer()

    def _on_network_view(self, view: NetworkView | None) -> None:
        self.canvas.slide_layer.set_network_view(view)
        self.view_panel.contrast.set_network_view(shown=view is not None)
        self.actions_by_id["network_view"].setChecked(self.viewing.wants_network)

    def _reset_statuses(self) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            known = slide_statuses(workspace)
            self.slides.set_statuses({slide: known.get(slide, SlideStatus()) for slide in workspace.slides})

    def _on_state(self, slide: str) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            self.slides.set_status(slide, slide_statuses(workspace, slide).get(slide, SlideStatus()))
            self._update_basis()

    def _read_thumbnail(self, slide: str) -> QImage:
        workspace = self.session.workspace
        return read_thumbnail((workspace.folder if workspace else Path()) / slide)

    # Panels

    def _on_classes(self) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            self.view_panel.set_classes(workspace.classes, self.painting.active_class)
            self.clean_up_panel.set_recipe(workspace.steps, workspace.classes)
            self.retrain_panel.set_start(warm=self.tasks.start_model() is not None)
            self._update_overlay()
            self._on_brush()

    def _on_models(self) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            self.propose_panel.set_models(self.session.models(), workspace.active_model)
            self.retrain_panel.set_start(warm=self.tasks.start_model() is not None)

    def _on_brush(self) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            self.rail.set_size(self.painting.brush_size, self.painting.um_shown)
            self.view_panel.set_active(self.painting.active_class)
            self.canvas.set_brush_size(self.painting.brush_size)

    def _update_overlay(self) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            hidden = self.view_panel.hidden
            outlined = self.actions_by_id["outlines"].isChecked()
            opacity = 0.0 if outlined else self.view_panel.opacity
            fill = colour_table(workspace.classes, hidden=hidden, opacity=opacity)
            line = colour_table(workspace.classes, hidden=hidden, opacity=1.0)
            for layer in (self.canvas.mask_layer, self.comparison.second_layer):
                layer.set_colours(fill, line, outlined=outlined)

    def _update_basis(self) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            slides = {plane.slide for plane in workspace.states}
            self.retrain_panel.set_basis(len(slides))

    def _update_actions(self) -> None:
        workspace, plane, actions = self.session.workspace, self.session.plane, self.actions_by_id
        editable = workspace is not None and not workspace.read_only
        labelled = editable and workspace is not None and bool(workspace.states)
        planes = plane.reader.info.planes if plane is not None else 0
        undo = workspace.next_undo if workspace and editable else None
        redo = workspace.next_redo if workspace and editable else None
        enabled = {
            "undo": undo is not None or self.toolbox.is_under_way,
            "redo": redo is not None,
            **dict.fromkeys(self.objects.by_name, plane is not None),
            "pick_class": plane is not None,
            "accept_plane": plane is not None,
            "accept_all": workspace is not None,
            "interpolate": planes > 1,
            "copy_labels": planes > 1,
            "next_plane": planes > 1,
            "previous_plane": planes > 1,
            "review": editable and plane is not None,
            "propose": editable and plane is not None and not self.tasks.proposing.is_busy,
            "propose_all": editable and not self.tasks.proposing.is_busy,
            "tune": editable and not self.tasks.tuning.is_busy,
            "retrain": labelled and not self.tasks.retraining.is_busy,
            "export": workspace is not None and not self.tasks.exporting.is_busy,
            "cancel": self.tasks.is_busy,
            "compare": plane is not None,
            "compare_side": plane is not None,
            "divider_left": self.comparison.mode is CompareMode.SWIPE,
            "divider_right": self.comparison.mode is CompareMode.SWIPE,
        }
        for name, value in enabled.items():
            actions[name].setEnabled(value)
        actions["compare"].setChecked(self.comparison.mode is CompareMode.SWIPE)
        actions["compare_side"].setChecked(self.comparison.mode is CompareMode.SIDE)
        actions["undo"].setText(self.tr("Undo {0}").format(undo.sentence) if undo else self.tr("Undo"))
        actions["redo"].setText(self.tr("Redo {0}").format(redo.sentence) if redo else self.tr("Redo"))

    def _tune(self) -> None:
        self.page.tabs.setCurrentIndex(1)
        self.clean_up_panel.ask_tuning()

    def _retrain(self) -> None:
        self.page.tabs.setCurrentIndex(2)
        self.tasks.retrain()

    def _on_retrained(self, outcome: Outcome) -> None:
        self.retrain_panel.finish(outcome)
        self._on_models()
        sentence = describe(outcome, self)
        if outcome.preferred:
            again = self.tr("Propose all again")
            self.messages.show_notice(Notice(sentence, NoticeKind.INFO, again, self.tasks.propose_all))
        else:
            self.messages.show_notice(Notice(sentence, NoticeKind.WARNING))

    def _on_cursor(self, y: float, x: float) -> None:
        self.status_line.set_position(self.viewing.describe_pixel(y, x, self.canvas.slide_layer.value_at))

    def _show_hint(self) -> None:
        """Say what the tool in use does, where there is something to use it on."""
        tip = self.actions_by_id[self.toolbox.tool].statusTip()
        self.status_line.set_hint(tip if self.session.workspace is not None else "")

    def _describe_pointer(self) -> None:
        """What is under the pointer changed, though it stands still."""
        if self.canvas.pointer is not None:
            self._on_cursor(*self.canvas.pointer)

    def _step_brush(self, steps: int) -> None:
        self.painting.step_brush_size(steps)
        self.canvas.show_note(self.painting.brush_in_words())

    def _at_pointer(self, act: Callable[[float, float], object]) -> None:
        """Do something where the mouse, the pen or the keyboard points on the canvas."""
        if self.canvas.pointer is not None:
            act(*self.canvas.pointer)
        elif self.session.plane is not None:
            text = self.tr("Point at the slide first, with the mouse or with the arrow keys.")
            self.messages.show_notice(Notice(text, NoticeKind.WARNING))

    # Keyboard, drops and the end

    def _focus_next_pane(self) -> None:
        panes: list[QWidget] = [self.slides, self.canvas, self.page.tabs]
        current = next((i for i, pane in enumerate(panes) if pane.isAncestorOf(self.focusWidget() or self)), 0)
        if self.focusWidget() is self.canvas:
            current = 1
        panes[(current + 1) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Digits choose classes, and the mask comes back when its key is let go."""
        if isinstance(event, QKeyEvent) and self.isActiveWindow():
            if event.type() == QEvent.Type.KeyRelease and event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
                self.canvas.mask_layer.setVisible(True)
            elif event.type() == QEvent.Type.KeyPress and watched is self.canvas:
                digit = event.key() - Qt.Key.Key_0
                if 1 <= digit <= 9 and not event.modifiers():
                    self.painting.set_active_class(digit)
                    return True
        return super().eventFilter(watched, event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and event.mimeData().urls()[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.open_folder(Path(event.mimeData().urls()[0].toLocalFile()))
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.tasks.retraining.is_busy and not self._confirm_quit():
            event.ignore()
            return
        settings.remember_geometry(self.saveGeometry())
        self.tasks.stop()
        self.session.close_folder()
        self._background.close()
        self._thumbnails.close()
        super().closeEvent(event)

    def _confirm_quit(self) -> bool:
        answer = QMessageBox.question(
            self,
            self.tr("A retraining is running"),
            self.tr("Quit now and lose this training? All your strokes are saved either way."),
        )
        return answer == QMessageBox.StandardButton.Yes
