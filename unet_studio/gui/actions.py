"""The table of actions: every one has a menu place, a shortcut, an icon where it helps, and a line of help."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QDialog, QMenuBar, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from unet_studio.gui.theme import icon

_CONTEXT = "Actions"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row: `group` makes actions exclude each other, `checkable` makes one a switch."""

    id: str
    menu: str
    text: str
    shortcuts: tuple[str, ...]
    help: str
    icon: str = ""
    checkable: bool = False
    group: str = ""

    @property
    def only_on_canvas(self) -> bool:
        """Whether its keys mean something else in a text field: there Return ends the typing."""
        return bool({"Return", "Backspace"} & set(self.shortcuts))


def _a(
    id: str,  # noqa: A002
    menu: str,
    text: str,
    keys: str,
    help: str,  # noqa: A002
    icon: str = "",
    *,
    checkable: bool = False,
    group: str = "",
) -> ActionSpec:
    return ActionSpec(id, menu, text, tuple(keys.split()), help, icon, checkable or bool(group), group)


_T = cast("Callable[[str, str], str]", QT_TRANSLATE_NOOP)
MENUS = (
    _T("Actions", "&File"),
    _T("Actions", "&Edit"),
    _T("Actions", "&View"),
    _T("Actions", "&Slide"),
    _T("Actions", "&Mask"),
    _T("Actions", "M&odel"),
    _T("Actions", "&Help"),
)
_FILE, _EDIT, _VIEW, _SLIDE, _MASK, _MODEL, _HELP = MENUS

ACTIONS: tuple[ActionSpec, ...] = (
    _a("open", _FILE, _T("Actions", "Open folder…"), "Ctrl+O",
       _T("Actions", "Open a folder of slides"), "folder-open"),
    _a("demo", _FILE, _T("Actions", "Open the demo slides"), "Ctrl+Shift+D",
       _T("Actions", "Try everything on slides that come with the program"), "microscope"),
    _a("export", _FILE, _T("Actions", "Export masks…"), "Ctrl+E",
       _T("Actions", "Write masks or overlays of reviewed or all slides to a folder"), "download"),
    _a("quit", _FILE, _T("Actions", "Quit"), "Ctrl+Q", _T("Actions", "Save what is pending and leave")),
    _a("undo", _EDIT, _T("Actions", "Undo"), "Ctrl+Z", _T("Actions", "Take the last edit back, on any slide"),
       "undo-2"),
    _a("redo", _EDIT, _T("Actions", "Redo"), "Ctrl+Shift+Z Ctrl+Y",
       _T("Actions", "Make the edit again that was taken back"), "redo-2"),
    _a("move", _EDIT, _T("Actions", "Move"), "V", _T("Actions", "Drag the slide (hold Space with any tool)"), "hand",
       group="tool"),
    _a("brush", _EDIT, _T("Actions", "Brush"), "B",
       _T("Actions", "Paint the active class · Shift: straight line · Alt: take labels back"), "brush", group="tool"),
    _a("eraser", _EDIT, _T("Actions", "Eraser"), "E",
       _T("Actions", "Paint background over a wrong mask · Alt: take labels back"), "eraser", group="tool"),
    _a("fill", _EDIT, _T("Actions", "Fill"), "F",
       _T("Actions", "Give a whole region of the mask the active class"), "paint-bucket", group="tool"),
    _a("brush_smaller", _EDIT, _T("Actions", "Smaller brush"), "[", _T("Actions", "Also Ctrl+wheel down")),
    _a("brush_larger", _EDIT, _T("Actions", "Larger brush"), "]", _T("Actions", "Also Ctrl+wheel up")),
    _a("swap_class", _EDIT, _T("Actions", "Swap with background"), "X",
       _T("Actions", "Switch between the active class and background")),
    _a("zoom_in", _VIEW, _T("Actions", "Zoom in"), "+ =", _T("Actions", "Also the wheel, at the cursor"), "zoom-in"),
    _a("zoom_out", _VIEW, _T("Actions", "Zoom out"), "-", _T("Actions", "Also the wheel, at the cursor"), "zoom-out"),
    _a("fit", _VIEW, _T("Actions", "Fit slide"), "0 Ctrl+0", _T("Actions", "Show the whole slide"), "maximize"),
    _a("actual", _VIEW, _T("Actions", "Actual pixels"), "Ctrl+1",
       _T("Actions", "One pixel of the slide for each of the screen"), "scan"),
    _a("hide_mask", _VIEW, _T("Actions", "Hide mask while held"), "H",
       _T("Actions", "See the bare slide as long as the key is down"), "eye-off"),
    _a("outlines", _VIEW, _T("Actions", "Outlines"), "O",
       _T("Actions", "Show outlines around the classes; also Tab on the canvas"), "circle", checkable=True),
    _a("next_pane", _VIEW, _T("Actions", "Next pane"), "F6",
       _T("Actions", "Move the keyboard to slides, canvas or panel")),
    _a("next_slide", _SLIDE, _T("Actions", "Next slide"), "PgDown N", _T("Actions", "Open the next slide of the list"),
       "chevron-right"),
    _a("previous_slide", _SLIDE, _T("Actions", "Previous slide"), "PgUp Backspace",
       _T("Actions", "Open the slide before this one"), "chevron-left"),
    _a("next_plane", _SLIDE, _T("Actions", "Next plane"), ".", _T("Actions", "Also Shift+wheel; for stacks")),
    _a("previous_plane", _SLIDE, _T("Actions", "Previous plane"), ",", _T("Actions", "Also Shift+wheel; for stacks")),
    _a("review", _SLIDE, _T("Actions", "Mark reviewed and go on"), "Return Enter",
       _T("Actions", "Confirm this mask as a whole and open the next slide"), "check"),
    _a("clean_up", _MASK, _T("Actions", "Clean up"), "C",
       _T("Actions", "Show the panel with dilate, erode, open, close, fill holes, remove small"), "wand-sparkles"),
    _a("propose", _MODEL, _T("Actions", "Propose this slide"), "P",
       _T("Actions", "Have the model propose a mask for this slide"), "sparkles"),
    _a("propose_all", _MODEL, _T("Actions", "Propose all new"), "Shift+P",
       _T("Actions", "Have the model propose masks for all slides without one"), "sparkles"),
    _a("retrain", _MODEL, _T("Actions", "Retrain"), "Ctrl+R",
       _T("Actions", "Learn from all corrected and reviewed slides, in the background"), "graduation-cap"),
    _a("cancel", _MODEL, _T("Actions", "Cancel what is running"), "Escape",
       _T("Actions", "Stop proposing, retraining or exporting; what is finished stays"), "x"),
    _a("shortcuts", _HELP, _T("Actions", "Keyboard shortcuts"), "? F1", _T("Actions", "Show all shortcuts"),
       "keyboard"),
    _a("about", _HELP, _T("Actions", "About U-Net Studio"), "Ctrl+F1", _T("Actions", "Version, licence and credits"),
       "info"),
)  # fmt: skip


def build_actions(
    window: QWidget, handlers: Mapping[str, Callable[[], object]], *, canvas_like: Sequence[QWidget]
) -> dict[str, QAction]:
    """One QAction for each row, calling the handler of its id; a missing handler is a KeyError.

    Actions live on `window`; those that are `only_on_canvas` on the widgets `canvas_like`.
    """
    groups: dict[str, QActionGroup] = {}
    actions = {}
    for spec in ACTIONS:
        action = QAction(_translate(spec.text), window)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(key) for key in spec.shortcuts])
        if spec.only_on_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(tooltip(action.text(), _translate(spec.help), action.shortcut()))
        action.setStatusTip(_translate(spec.help))
        action.setCheckable(spec.checkable)
        if spec.icon:
            action.setIcon(icon(spec.icon))
        if spec.group:
            groups.setdefault(spec.group, QActionGroup(window)).addAction(action)
        action.triggered.connect(lambda _checked=False, handler=handlers[spec.id]: handler())
        for widget in canvas_like if spec.only_on_canvas else (window,):
            widget.addAction(action)
        actions[spec.id] = action
    return actions


def fill_menus(bar: QMenuBar, actions: Mapping[str, QAction]) -> None:
    """Put every action into its menu, in the table's order."""
    menus = {title: bar.addMenu(_translate(title)) for title in MENUS}
    for spec in ACTIONS:
        menus[spec.menu].addAction(actions[spec.id])


def show_shortcuts(window: QWidget) -> None:
    """Show all shortcuts in a dialog, by menu."""
    dialog = QDialog(window)
    dialog.setWindowTitle(_translate("Keyboard shortcuts"))
    table = QTableWidget(len(ACTIONS), 3)
    table.setAccessibleName(dialog.windowTitle())
    for row, spec in enumerate(ACTIONS):
        keys = "   ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in spec.shortcuts)
        for column, text in enumerate((keys, _translate(spec.text).replace("&", ""), _translate(spec.help))):
            item = QTableWidgetItem(text)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            table.setItem(row, column, item)
    table.horizontalHeader().hide()
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.resizeColumnsToContents()
    table.horizontalHeader().setStretchLastSection(True)
    layout = QVBoxLayout(dialog)
    layout.addWidget(table)
    dialog.resize(880, 640)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


def tooltip(text: str, help_text: str, shortcut: QKeySequence) -> str:
    """A tooltip that names the shortcut."""
    keys = shortcut.toString(QKeySequence.SequenceFormat.NativeText)
    return f"{text.replace('&', '')} ({keys})\n{help_text}" if keys else f"{text.replace('&', '')}\n{help_text}"


def _translate(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)
