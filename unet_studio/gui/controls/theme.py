"""How the window looks: neutral greys so that colour belongs to slides and classes, one accent, icons in ink."""

import atexit
import shutil
import tempfile
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import Template
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QToolTip

from unet_studio.paths import resources

Scheme = Literal["light", "dark", "system"]

_TEXT_PX = 13
_CSS_PX_PER_INCH = 96


class Tone(StrEnum):
    """What a colour says; each is readable (4.5:1) as text on the window and on the fields of both schemes."""

    TEXT = "text"
    ACCENT = "accent"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class _Colours:
    """One scheme as #rrggbb; the names are also the $names in style.qss."""

    window: str
    base: str
    button: str
    hover: str
    line: str  # parts the window
    edge: str  # bounds what can be used
    faint: str  # disabled
    quiet: str  # second lines, placeholders
    text: str
    accent: str
    on_accent: str
    soft: str  # the accent as a background
    warning: str
    error: str


_LIGHT = _Colours(
    window="#f3f3f3",
    base="#ffffff",
    button="#fbfbfb",
    hover="#e6e6e6",
    line="#dcdcdc",
    edge="#b4b4b4",
    faint="#949494",
    quiet="#5c5c5c",
    text="#1c1c1c",
    accent="#1d5fbf",
    on_accent="#ffffff",
    soft="#d9e6f8",
    warning="#855600",
    error="#b3261e",
)
_DARK = _Colours(
    window="#262626",
    base="#1d1d1d",
    button="#303030",
    hover="#383838",
    line="#3b3b3b",
    edge="#606060",
    faint="#787878",
    quiet="#b0b0b0",
    text="#e8e8e8",
    accent="#78aeff",
    on_accent="#10141a",
    soft="#2b3b54",
    warning="#e6b450",
    error="#ff8a80",
)


def apply_theme(app: QApplication, scheme: Scheme = "system") -> None:
    """Apply style and palette to the application; "system" follows the desktop from light to dark and back."""
    theme = app.findChild(_Theme) or _Theme(app)
    theme.choose(scheme)


def color(tone: Tone) -> QColor:
    """The colour of `tone` in the scheme that is shown now."""
    return QColor(getattr(_shown(), tone.value))


def icon(name: str, tone: Tone = Tone.TEXT) -> QIcon:
    """The icon resources/icons/`name`.svg in the colour of `tone`; it follows a change of scheme by itself.

    Disabled it is in the palette's disabled colour, checked in the accent.
    """
    return QIcon(_IconEngine(name, tone))


class _Theme(QObject):
    """Lives under the application, so that the desktop's change of scheme finds someone to answer it."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._wanted = Qt.ColorScheme.Unknown
        self._files = Path(tempfile.mkdtemp(prefix="unet-studio-"))
        atexit.register(shutil.rmtree, self._files, ignore_errors=True)
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._dress)

    def choose(self, scheme: Scheme) -> None:
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark, "system": Qt.ColorScheme.Unknown}
        self._wanted = schemes[scheme]
        self._app.styleHints().setColorScheme(self._wanted)  # for what the desktop draws, such as title bars
        self._dress()

    @Slot()
    def _dress(self) -> None:
        # Not every desktop lets an application choose: the wish is honoured here even where the hint doesn't follow.
        scheme = self._wanted
        if scheme == Qt.ColorScheme.Unknown:
            scheme = self._app.styleHints().colorScheme()
        colours = _DARK if scheme == Qt.ColorScheme.Dark else _LIGHT
        palette = _palette(colours)
        self._app.setPalette(palette)
        QToolTip.setPalette(palette)
        self._set_font()
        self._app.setStyleSheet(_style_template().substitute(asdict(colours), **self._drawn(colours)))

    def _drawn(self, colours: _Colours) -> dict[str, str]:
        """The icons that the style sheet draws, as files of their own, since it can't recolour them."""
        drawn = {}
        for variable, name, ink in (
            ("arrow_down", "chevron-down", colours.text),
            ("arrow_up", "chevron-up", colours.text),
            ("tick", "check", colours.on_accent),
            ("menu_tick", "check", colours.text),
        ):
            path = self._files / f"{name}-{ink[1:]}.svg"
            path.write_text(_svg(name).replace("currentColor", ink), encoding="utf-8")
            drawn[variable] = path.as_posix()
        return drawn

    def _set_font(self) -> None:
        """The desktop's own font, so that text scales with it, but not below 13 px on an unscaled screen."""
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        points_per_inch = 72
        least = _TEXT_PX * points_per_inch / _CSS_PX_PER_INCH
        font.setPointSizeF(max(font.pointSizeF(), least))
        self._app.setFont(font)


def _palette(colours: _Colours) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette(QColor(colours.button), QColor(colours.window))
    for name, roles in {
        colours.window: (role.Window,),
        colours.base: (role.Base, role.ToolTipBase),
        colours.button: (role.Button, role.AlternateBase),
        colours.text: (role.WindowText, role.Text, role.ButtonText, role.ToolTipText),
        colours.quiet: (role.PlaceholderText,),
        colours.line: (role.Light, role.Midlight, role.Mid),
        colours.edge: (role.Dark,),
        colours.accent: (role.Accent, role.Highlight, role.Link, role.LinkVisited),
        colours.on_accent: (role.HighlightedText, role.BrightText),
    }.items():
        for each in roles:
            palette.setColor(each, QColor(name))
    for each in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, QColor(colours.faint))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(colours.line))
    palette.setColor(QPalette.ColorGroup.Disabled, role.HighlightedText, QColor(colours.faint))
    return palette


def _shown() -> _Colours:
    """The scheme of the palette that is shown, whoever set it."""
    return _DARK if QGuiApplication.palette().window().color().lightnessF() < 0.5 else _LIGHT


class _IconEngine(QIconEngine):
    """Draws an SVG when it is painted, at the size and in the colour of that moment: always crisp, never stale."""

    def __init__(self, name: str, tone: Tone) -> None:
        super().__init__()
        self._name = name
        self._tone = tone
        _svg(name)  # a wrong name fails where it was written, not at the first paint

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        svg = _svg(self._name).replace("currentColor", self._ink(mode, state).name())
        side = min(rect.width(), rect.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(rect).center())
        QSvgRenderer(QByteArray(svg.encode())).render(painter, square)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _IconEngine(self._name, self._tone)

    def key(self) -> str:
        return "unet-studio-svg"

    def iconName(self) -> str:
        return self._name

    def _ink(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        palette = QGuiApplication.palette()
        if mode == QIcon.Mode.Disabled:
            return palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
        if mode == QIcon.Mode.Selected:
            return palette.highlightedText().color()
        if state == QIcon.State.On:
            return color(Tone.ACCENT)
        return color(self._tone)


@cache
def _svg(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@cache
def _style_template() -> Template:
    return Template((resources() / "style.qss").read_text(encoding="utf-8"))
