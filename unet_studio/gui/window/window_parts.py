"""The parts of the window: built and laid out, none of them connected with another yet."""

from functools import partial
from pathlib import Path

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from unet_studio.core.slides.finding import slide_file
from unet_studio.gui import settings
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.minimap import Minimap
from unet_studio.gui.canvas.pointer_devices import Keyboard, Mouse, Pen
from unet_studio.gui.canvas.pointer_events import PointerEvents
from unet_studio.gui.canvas.toolbox import Toolbox
from unet_studio.gui.canvas.touch import Touch
from unet_studio.gui.comparing.comparison import Comparison
from unet_studio.gui.controllers.audit_sample import AuditSample
from unet_studio.gui.controllers.doubts import Doubts
from unet_studio.gui.controllers.errors import Errors
from unet_studio.gui.controllers.hold_out import HoldOut, LessonReading
from unet_studio.gui.controllers.keys import WindowKeys
from unet_studio.gui.controllers.navigation import Navigation
from unet_studio.gui.controllers.opening import Opening
from unet_studio.gui.controllers.overlay import Overlay
from unet_studio.gui.controllers.panel_updates import PanelUpdates
from unet_studio.gui.controllers.plane_display import PlaneDisplay
from unet_studio.gui.controllers.pointer_info import PointerInfo
from unet_studio.gui.controllers.review_queue import ReviewQueue
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.clean_up_panel import CleanUpPanel
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.panels.plane_bar import PlaneBar
from unet_studio.gui.panels.propose_panel import ProposePanel
from unet_studio.gui.panels.retrain_panel import RetrainPanel
from unet_studio.gui.panels.status_line import StatusLine
from unet_studio.gui.panels.tool_rail import ToolRail
from unet_studio.gui.panels.view_panel import ViewPanel
from unet_studio.gui.panels.welcome import Welcome
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.background_edits import BackgroundEdits
from unet_studio.gui.session.inspection import Inspection
from unet_studio.gui.session.mask_files import MaskFiles
from unet_studio.gui.session.object_edits import ObjectEdits
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.session.plane_edits import PlaneEdits
from unet_studio.gui.session.session import Session
from unet_studio.gui.session.upkeep import Upkeep
from unet_studio.gui.slide_list.model import SlideListModel
from unet_studio.gui.slide_list.slide_list import SlideListPanel
from unet_studio.gui.slide_list.sorting import SlideSort
from unet_studio.gui.slide_list.thumbnails import read_thumbnail
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.actions import build_actions, fill_menus
from unet_studio.gui.window.job_controls import JobControls
from unet_studio.gui.window.model_controls import ModelControls
from unet_studio.gui.window.work_page import WorkPage


class WindowParts(QMainWindow):
    """A window with all that it is made of: what is open, the widgets, and the controllers between them."""

    def __init__(self) -> None:
        super().__init__()
        # What a person waits for never waits behind what may take long.
        self.reading = Background(2, self)
        self.painting_tiles = Background(2, self)
        self.working = Background(2, self, newest_first=False)
        self.thumbnails = Background(1, self)
        self._build_session()
        self._build_widgets()
        self._lay_out()
        self._build_controllers()

    def _build_session(self) -> None:
        self.session = session = Session(self.reading, self)
        for background in (self.painting_tiles, self.working, self.thumbnails):
            background.failed.connect(session.tell)
        self.edits = BackgroundEdits(session, self.working, self)
        self.mask_files = MaskFiles(session, self.edits, self)
        self.upkeep = Upkeep(session, self.working, self.mask_files, self)
        self.painting = Painting(session, self)
        self.accepting = Accepting(session, self.edits, self.mask_files, self)
        self.inspection = Inspection(session, self.reading, self)
        self.objects = ObjectEdits(self.painting, self)
        self.planes = PlaneEdits(session, self.edits, self)
        self.canvas = Canvas(self.painting_tiles)
        self.tasks = Jobs(session, self.working, self.canvas.box_in_view, self)

    def _build_widgets(self) -> None:
        canvas, background = self.canvas, self.painting_tiles
        self.pointer_events = PointerEvents(canvas)
        self.mouse = Mouse(self.pointer_events, canvas)
        self.pen = Pen(self.pointer_events, canvas, self.mouse)
        self.keyboard = Keyboard(self.pointer_events, canvas)
        self.touch = Touch(canvas)
        self.minimap = Minimap(canvas, background, wanted=settings.shows_minimap())
        self.comparison = Comparison(self.session, canvas, background, self)
        self.toolbox = Toolbox(self.painting, self.accepting, canvas, self.pointer_events, self)
        self.slides = SlideListPanel(SlideListModel(self.thumbnails, partial(_read_thumbnail, self.session)))
        self.messages = MessageBar()
        self.actions_by_id = actions = build_actions(self, canvas_like=(canvas, self.slides))
        actions["flips"].setChecked(settings.proposes_with_flips())
        actions["minimap"].setChecked(self.minimap.is_wanted)
        actions[f"sort_{SlideSort.FOLDER}"].setChecked(True)
        actions[f"next_{settings.next_order().name.lower()}"].setChecked(True)
        fill_menus(self.menuBar(), actions)
        self.slides.offer_sorting([actions[f"sort_{sort}"] for sort in SlideSort])
        self.slides.offer_menu([actions[name] for name in ("hold_out", "learn_from")])
        self.propose_panel = ProposePanel(
            actions["propose"], actions["propose_all"], actions["flips"], actions["models"],
            take_newer=actions["take_newer"],
        )  # fmt: skip
        self.clean_up_panel = CleanUpPanel(actions["tune"], actions["advise"])
        self.retrain_panel = RetrainPanel(actions["retrain"], actions["train_longer"])
        self.view_panel = ViewPanel(actions["outlines"])
        others = ("undo", "redo", "zoom_in", "zoom_out", "fit")
        self.rail = ToolRail([actions[tool] for tool in Tool], [actions[name] for name in others])
        self.plane_bar = PlaneBar()
        self.status_line = StatusLine()
        self.welcome = Welcome(actions["open"], actions["demo"])

    def _lay_out(self) -> None:
        panels = {
            self.tr("Propose"): self.propose_panel,
            self.tr("Clean up"): self.clean_up_panel,
            self.tr("Retrain"): self.retrain_panel,
        }
        self.page = WorkPage(
            self.slides, self.canvas, self.comparison, self.messages, self.rail, self.plane_bar, panels, self.view_panel
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.welcome)
        self.stack.addWidget(self.page)
        self.setCentralWidget(self.stack)
        self.setStatusBar(self.status_line)

    def _build_controllers(self) -> None:
        session, canvas, messages = self.session, self.canvas, self.messages
        self.opening = Opening(session, self.tasks, self.working, messages, self)
        self.queue = ReviewQueue(session, self.slides, self.tasks, self)
        self.navigation = Navigation(
            session, self.accepting, self.queue, self.slides, messages, self.tasks.propose_open_slide, self
        )  # fmt: skip
        self.doubts = Doubts(session, self.tasks, self.queue, canvas, self)
        self.errors = Errors(session, self.tasks, self.doubts, self.working, self)
        self.audit = AuditSample(session, self.working, self.slides, messages, self)
        self.hold_out = HoldOut(session, self.slides, messages, self)
        self.lesson = LessonReading(session, self.tasks, self.working, self.retrain_panel, self)
        self.plane_display = PlaneDisplay(
            canvas, self.minimap, self.comparison, self.view_panel.contrast, self.plane_bar, self
        )
        layers = (canvas.mask_layer, *self.comparison.layers)
        self.overlay = Overlay(session, canvas, layers, self.actions_by_id["outlines"], self)
        self.overlay.set_look(self.view_panel.opacity, self.view_panel.hidden)
        self.pointer_info = PointerInfo(
            session, self.painting, self.inspection, canvas, self.status_line, messages, self
        )  # fmt: skip
        self.panel_updates = PanelUpdates(
            self.painting, self.tasks, canvas, propose=self.propose_panel, clean_up=self.clean_up_panel,
            retrain=self.retrain_panel, view=self.view_panel, rail=self.rail, parent=self,
        )  # fmt: skip
        self.job_controls = JobControls(
            session, self.tasks, self.page, self.clean_up_panel, self.retrain_panel, messages, self
        )
        self.model_controls = ModelControls(session, self.tasks, messages, self)
        self.keys = WindowKeys(self.painting, self.overlay, canvas, self)


def _read_thumbnail(session: Session, slide: str) -> QImage:
    """In a thread: the thumbnail of a slide of the folder that is open; raises `SlideError`."""
    workspace = session.workspace
    return read_thumbnail(slide_file(workspace.folder if workspace else Path(), slide))
