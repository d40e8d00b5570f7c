"""The table of actions: every one has a menu place, a shortcut, an icon where it helps, and a line of help."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenuBar, QWidget

from unet_studio.gui.controls.theme import icon
from unet_studio.gui.window.enabled import ActionStates

_CONTEXT = "Actions"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row: `group` makes actions exclude each other, `checkable` makes one a switch.

    `repeats` has a key that is held act again and again; most actions must be asked for one by one.
    """

    id: str
    menu: str
    text: str
    shortcuts: tuple[str, ...]
    help: str
    icon: str = ""
    checkable: bool = False
    group: str = ""
    repeats: bool = False
    submenu: str = ""

    @property
    def only_on_canvas(self) -> bool:
        """Whether its keys mean something else in a text field: there Return ends the typing, and Del deletes."""
        return bool({"Return", "Backspace", "Del"} & set(self.shortcuts))


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
    repeats: bool = False,
    submenu: str = "",
) -> ActionSpec:
    checkable = checkable or bool(group)
    return ActionSpec(id, menu, text, tuple(keys.split()), help, icon, checkable, group, repeats, submenu)


_T = cast("Callable[[str, str], str]", QT_TRANSLATE_NOOP)
MENUS = (
    _T("Actions", "&File"),
    _T("Actions", "&Edit"),
    _T("Actions", "&Tools"),
    _T("Actions", "&View"),
    _T("Actions", "&Slide"),
    _T("Actions", "&Mask"),
    _T("Actions", "M&odel"),
    _T("Actions", "&Help"),
)
_NEXT_FOLLOWS, _SORT_BY = _T("Actions", "Next follows"), _T("Actions", "List slides by")
_FILE, _EDIT, _TOOLS, _VIEW, _SLIDE, _MASK, _MODEL, _HELP = MENUS

ACTIONS: tuple[ActionSpec, ...] = (
    _a("open", _FILE, _T("Actions", "Open folder…"), "Ctrl+O",
       _T("Actions", "Open a folder of slides"), "folder-open"),
    _a("demo", _FILE, _T("Actions", "Open the demo slides"), "Ctrl+Shift+D",
       _T("Actions", "Try everything on slides that come with the program"), "microscope"),
    _a("export", _FILE, _T("Actions", "Export masks…"), "Ctrl+E",
       _T("Actions", "Write masks or overlays of reviewed or all slides to a folder"), "download"),
    _a("report", _FILE, _T("Actions", "Report…"), "Ctrl+Shift+E",
       _T("Actions", "Write what the work came to, with intervals, and whether you may stop, as HTML or PDF"),
       "clipboard-check"),
    _a("quit", _FILE, _T("Actions", "Quit"), "Ctrl+Q", _T("Actions", "Save what is pending and leave")),
    _a("undo", _EDIT, _T("Actions", "Undo"), "Ctrl+Z", _T("Actions", "Take the last edit back, on any slide"),
       "undo-2", repeats=True),
    _a("redo", _EDIT, _T("Actions", "Redo"), "Ctrl+Shift+Z Ctrl+Y",
       _T("Actions", "Make the edit again that was taken back"), "redo-2", repeats=True),
    _a("move", _TOOLS, _T("Actions", "Move"), "V", _T("Actions", "Drag the slide (hold Space with any tool)"), "hand",
       group="tool"),
    _a("brush", _TOOLS, _T("Actions", "Brush"), "B",
       _T("Actions",
          "Paint the active class · Shift: straight line from the last stroke · Alt or right click: background"),
       "brush", group="tool"),
    _a("smart_brush", _TOOLS, _T("Actions", "Smart brush"), "S",
       _T("Actions",
          "Paint only what looks like the pixel under the middle of the brush · Alt or right click: background"),
       "highlighter", group="tool"),
    _a("eraser", _TOOLS, _T("Actions", "Eraser"), "E",
       _T("Actions",
          "Paint background over a wrong mask · Shift: straight line · Alt or right click: take labels back"),
       "eraser", group="tool"),
    _a("fill", _TOOLS, _T("Actions", "Fill"), "F",
       _T("Actions", "Give a whole region of the mask the active class · Alt or right click: background"),
       "paint-bucket", group="tool"),
    _a("wand", _TOOLS, _T("Actions", "Magic wand"), "W",
       _T("Actions",
          "Select by intensity: press, drag right for more, left for less, let go · Alt or right click: background"),
       "wand", group="tool"),
    _a("lasso", _TOOLS, _T("Actions", "Lasso"), "L",
       _T("Actions", "Drag around what shall be the active class · Alt or right click: background"),
       "lasso", group="tool"),
    _a("polygon", _TOOLS, _T("Actions", "Polygon"), "G",
       _T("Actions",
          "Click corners; Enter or a double click closes, Backspace takes one back · Alt or right click: background"),
       "pentagon", group="tool"),
    _a("edge_lasso", _TOOLS, _T("Actions", "Edge lasso"), "Shift+L",
       _T("Actions",
          "A polygon that follows the edges of the slide between your clicks · Alt or right click: background"),
       "magnet", group="tool"),
    _a("accept", _TOOLS, _T("Actions", "Accept inside"), "A",
       _T("Actions", "Drag around a part of the proposal that is right: it becomes labels"), "check-check",
       group="tool"),
    _a("press", _TOOLS, _T("Actions", "Press or let go at the pointer"), "K Insert",
       _T("Actions", "The left button for the keyboard; the arrows move the pointer, with Shift in larger steps"),
       "mouse-pointer-click"),
    _a("press_alt", _TOOLS, _T("Actions", "Press with Alt"), "Alt+K",
       _T("Actions", "As with Alt held: background, or with the eraser unlabelled"), "square-minus"),
    _a("press_shift", _TOOLS, _T("Actions", "Press with Shift"), "Shift+K",
       _T("Actions", "As with Shift held: a straight line from the end of the last stroke"), "pencil-line"),
    _a("brush_smaller", _TOOLS, _T("Actions", "Smaller brush"), "[", _T("Actions", "Also Ctrl+wheel down"), "minus",
       repeats=True),
    _a("brush_larger", _TOOLS, _T("Actions", "Larger brush"), "]", _T("Actions", "Also Ctrl+wheel up"), "plus",
       repeats=True),
    _a("brush_um", _TOOLS, _T("Actions", "Brush size in µm"), "Ctrl+U",
       _T("Actions", "Keep the brush as large on the specimen, where slides know the size of their pixels"),
       "ruler", checkable=True),
    _a("swap_class", _TOOLS, _T("Actions", "Swap with background"), "X",
       _T("Actions", "Switch between the active class and background"), "arrow-left-right"),
    _a("pick_class", _TOOLS, _T("Actions", "Pick class at the pointer"), "I",
       _T("Actions", "Take up the class of the mask under the pointer"), "pipette"),
    _a("zoom_in", _VIEW, _T("Actions", "Zoom in"), "+ =", _T("Actions", "Also the wheel, at the cursor"), "zoom-in",
       repeats=True),
    _a("zoom_out", _VIEW, _T("Actions", "Zoom out"), "-", _T("Actions", "Also the wheel, at the cursor"), "zoom-out",
       repeats=True),
    _a("fit", _VIEW, _T("Actions", "Fit slide"), "0 Ctrl+0", _T("Actions", "Show the whole slide"), "maximize"),
    _a("actual", _VIEW, _T("Actions", "Actual pixels"), "Ctrl+1",
       _T("Actions", "One pixel of the slide for each of the screen"), "scan"),
    _a("hide_mask", _VIEW, _T("Actions", "Hide mask while held"), "H",
       _T("Actions", "See the bare slide as long as the key is down; from the menu until it is chosen again"),
       "eye-off"),
    _a("outlines", _VIEW, _T("Actions", "Outlines"), "O",
       _T("Actions", "Show only the outlines of the classes; also Tab on the canvas"), "circle", checkable=True),
    _a("network_view", _VIEW, _T("Actions", "What the network sees"), "U",
       _T("Actions", "Show the slide as the model's normalisation hands it to the network"), "contrast",
       checkable=True),
    _a("heat_uncertainty", _VIEW, _T("Actions", "Heat of uncertainty"), "Y",
       _T("Actions", "Show where the proposal is undecided, from violet to yellow, and the mask as outlines"), "flame",
       checkable=True),
    _a("heat_disagreement", _VIEW, _T("Actions", "Heat of disagreement"), "Shift+Y",
       _T("Actions", "Show where the proposal is against your labels, from violet to yellow where it is sure"),
       "git-compare-arrows", checkable=True),
    _a("minimap", _VIEW, _T("Actions", "Minimap"), "M",
       _T("Actions", "Show the whole plane in a corner while part of it is out of view"), checkable=True),
    _a("compare", _VIEW, _T("Actions", "Compare by swipe"), "D",
       _T("Actions", "Two masks of this slide, such as yours and a model's, on the two sides of a divider"),
       checkable=True),
    _a("compare_side", _VIEW, _T("Actions", "Compare side by side"), "Shift+D",
       _T("Actions", "Two masks of this slide in two views that move together"), checkable=True),
    _a("divider_left", _VIEW, _T("Actions", "Divider left"), "Alt+Left",
       _T("Actions", "See more of the second mask while comparing by swipe"), repeats=True),
    _a("divider_right", _VIEW, _T("Actions", "Divider right"), "Alt+Right",
       _T("Actions", "See more of the first mask while comparing by swipe"), repeats=True),
    _a("next_pane", _VIEW, _T("Actions", "Next pane"), "F6",
       _T("Actions", "Move the keyboard to slides, canvas or panel")),
    _a("next_slide", _SLIDE, _T("Actions", "Next slide"), "PgDown",
       _T("Actions", "Open the next slide of the list, or by the order that next follows"),
       "chevron-right", repeats=True),
    _a("previous_slide", _SLIDE, _T("Actions", "Previous slide"), "PgUp Backspace",
       _T("Actions", "Open the slide before this one"), "chevron-left", repeats=True),
    _a("next_folder", _SLIDE, _T("Actions", "The list"), "Ctrl+Alt+1",
       _T("Actions", "Next opens the slide below in the list"), group="next_order", submenu=_NEXT_FOLLOWS),
    _a("next_teaches_most", _SLIDE, _T("Actions", "What teaches most"), "Ctrl+Alt+2",
       _T("Actions", "Next opens the unlabelled slide that stands best for those that the model is uncertain of. "
                     "Experimental: that it beats a random order is not shown yet"),
       group="next_order", submenu=_NEXT_FOLLOWS),
    _a("next_changed", _SLIDE, _T("Actions", "Most changed"), "Ctrl+Alt+3",
       _T("Actions", "Next opens the unlabelled slide whose proposal differs most from that of the model before. "
                     "Experimental: that it beats a random order is not shown yet"),
       group="next_order", submenu=_NEXT_FOLLOWS),
    _a("next_random", _SLIDE, _T("Actions", "Random order"), "Ctrl+Alt+4",
       _T("Actions", "Next opens an unlabelled slide that is drawn at random"),
       group="next_order", submenu=_NEXT_FOLLOWS),
    _a("teaches_most", _SLIDE, _T("Actions", "Next slide that teaches most"), "Shift+N",
       _T("Actions", "Open the unlabelled slide that stands best for those that the model is uncertain of. "
                     "Experimental: that it beats a random order is not shown yet"),
       "search"),
    _a("doubtful", _SLIDE, _T("Actions", "Next doubtful place"), "N",
       _T("Actions", "Go to the place that the proposal is most undecided about, of those that you neither labelled "
                     "nor looked at, on this slide and then on the others"), "scan-search"),
    _a("sort_folder", _SLIDE, _T("Actions", "Order of the folder"), "Alt+1",
       _T("Actions", "List the slides by their names"), group="sort", submenu=_SORT_BY),
    _a("sort_uncertain", _SLIDE, _T("Actions", "Most uncertain first"), "Alt+2",
       _T("Actions", "List first the slides whose proposals are the most undecided"), group="sort", submenu=_SORT_BY),
    _a("sort_changed", _SLIDE, _T("Actions", "Most changed first"), "Alt+3",
       _T("Actions", "List first the slides whose proposals differ most from those of the model before"),
       group="sort", submenu=_SORT_BY),
    _a("sort_disagreeing", _SLIDE, _T("Actions", "Least agreement first"), "Alt+4",
       _T("Actions", "List first the slides whose proposals agree least with your labels"),
       group="sort", submenu=_SORT_BY),
    _a("draw_audit", _SLIDE, _T("Actions", "Draw an audit sample"), "Ctrl+Alt+A",
       _T("Actions", "Keep one slide in ten, drawn at random, apart from training, to judge the masks by"),
       "clipboard-check"),
    _a("hold_out", _SLIDE, _T("Actions", "Hold out"), "Ctrl+H",
       _T("Actions", "Keep the selected slides out of training, with those of their groups, to judge models by")),
    _a("learn_from", _SLIDE, _T("Actions", "Learn from it"), "Ctrl+Shift+H",
       _T("Actions", "Take the selected slides off the hold-out; models learn from them from now on")),
    _a("next_plane", _SLIDE, _T("Actions", "Next plane"), ".", _T("Actions", "Also Shift+wheel; for stacks"),
       repeats=True),
    _a("previous_plane", _SLIDE, _T("Actions", "Previous plane"), ",", _T("Actions", "Also Shift+wheel; for stacks"),
       repeats=True),
    _a("review", _SLIDE, _T("Actions", "Mark reviewed and go on"), "Return Enter",
       _T("Actions", "Confirm this mask as a whole and open the next slide"), "check"),
    _a("clean_up", _MASK, _T("Actions", "Clean up"), "C",
       _T("Actions", "Show the panel with dilate, erode, open, close, fill holes, remove small"), "wand-sparkles"),
    _a("tune", _MASK, _T("Actions", "Tune the watershed"), "Shift+C",
       _T("Actions", "Try numbers for the watershed on the slides that are reviewed, and keep those that divide best"),
       "settings-2"),
    _a("advise", _MASK, _T("Actions", "Advise on the clean-up"), "Ctrl+Shift+C",
       _T("Actions", "Find the threshold and steps that would have saved most of your corrections"), "search"),
    _a("accept_plane", _MASK, _T("Actions", "Accept this proposal"), "Shift+A",
       _T("Actions", "The proposal of the whole plane becomes labels where nothing is labelled yet"), "check-check"),
    _a("accept_all", _MASK, _T("Actions", "Accept all proposals"), "Ctrl+Shift+A",
       _T("Actions", "Do so for every slide that has a proposal and no labels; one undo takes it back"), "list-checks"),
    _a("take_newer", _MASK, _T("Actions", "Take the newer proposal"), "T",
       _T("Actions", "Put the active model's proposal under your corrections in place of the one they were made on; "
                     "no label changes"), "layers"),
    _a("relabel", _MASK, _T("Actions", "Relabel object"), "R",
       _T("Actions", "Give the object under the pointer the active class"), "tag"),
    _a("grow", _MASK, _T("Actions", "Grow object"), "Ctrl+Up",
       _T("Actions", "Make the object under the pointer larger by a pixel all around"), "circle-plus", repeats=True),
    _a("shrink", _MASK, _T("Actions", "Shrink object"), "Ctrl+Down",
       _T("Actions", "Make the object under the pointer smaller by a pixel all around"), "circle-minus", repeats=True),
    _a("smooth", _MASK, _T("Actions", "Smooth object"), "Shift+S",
       _T("Actions", "Even out the border of the object under the pointer"), "waves", repeats=True),
    _a("split", _MASK, _T("Actions", "Split object"), "Shift+X",
       _T("Actions", "Cut the object under the pointer at its waist"), "scissors"),
    _a("fill_holes", _MASK, _T("Actions", "Fill holes of object"), "Shift+F",
       _T("Actions", "Fill the holes of the object under the pointer"), "donut"),
    _a("delete", _MASK, _T("Actions", "Delete object"), "Del",
       _T("Actions", "Make the object under the pointer background"), "trash-2"),
    _a("interpolate", _MASK, _T("Actions", "Interpolate between planes"), "Ctrl+I",
       _T("Actions", "Fill the planes between the labelled ones before and after this one; for stacks"), "combine"),
    _a("copy_labels", _MASK, _T("Actions", "Copy labels of the plane before"), "Ctrl+D",
       _T("Actions", "Take over the labels of the plane before where this one has none; for stacks"), "copy"),
    _a("propose", _MODEL, _T("Actions", "Propose this slide"), "P",
       _T("Actions", "Have the model propose a mask for this slide"), "sparkles"),
    _a("propose_all", _MODEL, _T("Actions", "Propose all new"), "Shift+P",
       _T("Actions", "Have the model propose masks for all slides without one"), "sparkles"),
    _a("flips", _MODEL, _T("Actions", "Average over flips"), "Ctrl+Shift+P",
       _T("Actions", "Propose from eight orientations of each slide: a little better. What was proposed the other way "
                     "counts as new"), checkable=True),
    _a("retrain", _MODEL, _T("Actions", "Retrain"), "Ctrl+R",
       _T("Actions", "Learn from all corrected and reviewed slides, in the background"), "graduation-cap"),
    _a("train_longer", _MODEL, _T("Actions", "Train longer"), "Ctrl+Shift+R",
       _T("Actions", "Go on from the model that was trained last, in use or not, on the labels as they are now"),
       "play"),
    _a("models", _MODEL, _T("Actions", "Models…"), "Ctrl+M",
       _T("Actions", "All models with date, parent, data and scores: use, compare, note or remove them"), "layers"),
    _a("errors", _MODEL, _T("Actions", "The model's errors…"), "Ctrl+J",
       _T("Actions", "Pictures of what the model gets wrong on reviewed slides, by kind and size; a click leads there"),
       "layout-grid"),
    _a("cancel", _MODEL, _T("Actions", "Cancel what is running"), "Escape",
       _T("Actions", "Stop proposing, retraining or exporting; what is finished stays"), "x"),
    _a("shortcuts", _HELP, _T("Actions", "Keyboard shortcuts"), "? F1", _T("Actions", "Show all shortcuts"),
       "keyboard"),
    _a("log", _HELP, _T("Actions", "Open the log folder"), "Ctrl+Shift+L",
       _T("Actions", "Show the log files of the last starts; 'unet-studio doctor --bundle' packs them")),
    _a("about", _HELP, _T("Actions", "About U-Net Studio"), "Ctrl+F1", _T("Actions", "Version, licence and credits"),
       "info"),
)  # fmt: skip


def build_actions(window: QWidget, *, canvas_like: Sequence[QWidget]) -> dict[str, QAction]:
    """One QAction for each row, by its id.

    Actions live on `window`; those that are `only_on_canvas` on the widgets `canvas_like`.
    """
    groups: dict[str, QActionGroup] = {}
    actions = {}
    for spec in ACTIONS:
        action = QAction(translate(spec.text), window)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(key) for key in spec.shortcuts])
        if spec.only_on_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(tooltip(action.text(), translate(spec.help), action.shortcut()))
        action.setStatusTip(translate(spec.help))
        action.setCheckable(spec.checkable)
        action.setAutoRepeat(spec.repeats)
        if spec.icon:
            action.setIcon(icon(spec.icon))
        if spec.group:
            groups.setdefault(spec.group, QActionGroup(window)).addAction(action)
        for widget in canvas_like if spec.only_on_canvas else (window,):
            widget.addAction(action)
        actions[spec.id] = action
    return actions


def connect_actions(actions: Mapping[str, QAction], handlers: Mapping[str, Callable[[], object]]) -> None:
    """Have each action call the handler of its id; a missing handler is a KeyError."""
    for name, action in actions.items():
        action.triggered.connect(lambda _checked=False, handler=handlers[name]: handler())


def show_states(actions: Mapping[str, QAction], states: ActionStates) -> None:
    """Show which actions can be chosen, which are ticked, and what undo and redo are about."""
    for name, enabled in states.enabled.items():
        actions[name].setEnabled(enabled)
    for name, checked in states.checked.items():
        actions[name].setChecked(checked)
    titles = {
        "undo": (translate("Undo"), translate(_T("Actions", "Undo {0}"))),
        "redo": (translate("Redo"), translate(_T("Actions", "Redo {0}"))),
    }
    for name, sentence in states.sentences.items():
        alone, with_sentence = titles[name]
        actions[name].setText(with_sentence.format(sentence) if sentence else alone)


def fill_menus(bar: QMenuBar, actions: Mapping[str, QAction]) -> None:
    """Put every action into its menu, in the table's order."""
    menus = {title: bar.addMenu(translate(title)) for title in MENUS}
    for spec in ACTIONS:
        if spec.submenu and spec.submenu not in menus:
            menus[spec.submenu] = menus[spec.menu].addMenu(translate(spec.submenu))
        menus[spec.submenu or spec.menu].addAction(actions[spec.id])


def tooltip(text: str, help_text: str, shortcut: QKeySequence) -> str:
    """A tooltip that names the shortcut."""
    keys = shortcut.toString(QKeySequence.SequenceFormat.NativeText)
    return f"{text.replace('&', '')} ({keys})\n{help_text}" if keys else f"{text.replace('&', '')}\n{help_text}"


def translate(text: str) -> str:
    """A text of the table in the user's language."""
    return QCoreApplication.translate(_CONTEXT, text)
