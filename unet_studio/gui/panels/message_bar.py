"""What the program has to say, in a bar above the canvas; what to do about it is a button away, nothing is blocked."""

import logging
from collections.abc import Callable

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.controls.theme import Tone, color, icon

_INFO_MS = 8000
_ICON_PX = 20
_SMALL_ICON_PX = 16
_STRIPE_PX = 4
_TINT = 0.12
_UNFOLDED_PX = 160


_LOOKS = {
    NoticeKind.INFO: ("info", Tone.ACCENT),
    NoticeKind.WARNING: ("triangle-alert", Tone.WARNING),
    NoticeKind.ERROR: ("circle-x", Tone.ERROR),
}
_LEVELS = {NoticeKind.INFO: logging.INFO, NoticeKind.WARNING: logging.WARNING, NoticeKind.ERROR: logging.ERROR}

_log = logging.getLogger(__name__)


class MessageBar(QWidget):
    """Shows the newest notice; its details and the older notices unfold below. Hidden while there is none.

    ┃ ⚠  3 slides can't be read.    [ Choose another folder ] [ Leave them out ]   ⌄ 3 more   ✕
    ┃    a.tif: not a TIFF file …
    """

    left = Signal()
    """What had the keyboard in it is gone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices: list[Notice] = []  # oldest first

        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._action = QPushButton()
        self._other = QPushButton()
        self._more = QToolButton()
        self._more.setCheckable(True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._close = QToolButton()
        self._close.setIcon(icon("x"))
        self._list = _DetailList()
        self._expiry = QTimer(self, singleShot=True, interval=_INFO_MS)

        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._icon)
        line.addWidget(self._text, 1)
        for button in (self._action, self._other, self._more, self._close):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard where it is
            line.addWidget(button)
        below = QHBoxLayout()
        below.setContentsMargins(_ICON_PX + line.spacing(), 0, 0, 0)
        below.addWidget(self._list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12 + _STRIPE_PX, 6, 8, 6)
        layout.setSpacing(8)
        layout.addLayout(line)
        layout.addLayout(below)

        self._action.clicked.connect(self._act)
        self._other.clicked.connect(self._act_otherwise)
        self._more.toggled.connect(self._unfold)
        self._close.clicked.connect(self.clear)
        self._list.itemActivated.connect(self._bring_forward)
        self._expiry.timeout.connect(self._expire)

        self._retranslate()
        self._refresh()

    def show_notice(self, notice: Notice) -> None:
        """Show `notice` before all others; said twice in a row, it counts once and the second replaces the first."""
        _log.log(_LEVELS[notice.kind], "Told: %s", "; ".join((notice.text, *notice.details)))
        if self._notices and _says_the_same(self._notices[-1], notice):
            self._notices.pop()
        self._notices.append(notice)
        if notice.passing:
            self._expiry.start()
        self._refresh()
        self._announce(notice)

    def clear(self) -> None:
        """Dismiss all notices."""
        self._notices.clear()
        self._refresh()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._notices:
            return
        tone = color(_LOOKS[self._notices[-1].kind][1])
        painter = QPainter(self)
        painter.fillRect(0, 0, _STRIPE_PX, self.height(), tone)
        tone.setAlphaF(_TINT)
        painter.fillRect(self.rect(), tone)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icon()
        elif event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
            self._refresh()

    @Slot()
    def _act(self) -> None:
        """Do what the notice offers; done, it has nothing more to say."""
        self._take(self._notices[-1].action)

    @Slot()
    def _act_otherwise(self) -> None:
        self._take(self._notices[-1].other)

    def _take(self, action: Callable[[], None] | None) -> None:
        self._notices.pop()
        self._refresh()
        if action is not None:
            action()

    @Slot(bool)
    def _unfold(self, unfolded: bool) -> None:
        self._list.setVisible(unfolded)
        self._more.setIcon(icon("chevron-up" if unfolded else "chevron-down"))

    @Slot(QListWidgetItem)
    def _bring_forward(self, item: QListWidgetItem) -> None:
        """Show an older notice from the list, since its action is reached only there."""
        older: int | None = item.data(Qt.ItemDataRole.UserRole)
        if older is not None:
            self._notices.append(self._notices.pop(older))
            self._refresh()

    @Slot()
    def _expire(self) -> None:
        if self.underMouse():  # still being read
            self._expiry.start()
            return
        self._notices = [notice for notice in self._notices if not notice.passing]
        self._refresh()

    def _refresh(self) -> None:
        had_keyboard = self._has_keyboard()
        self.setVisible(bool(self._notices))
        self._fill_list()
        if self._notices:
            self._show_newest()
        if had_keyboard and not self._has_keyboard():  # or whatever comes next in the window would have it
            self.left.emit()

    def _has_keyboard(self) -> bool:
        focused = QApplication.focusWidget()
        return focused is not None and self.isAncestorOf(focused)

    def _show_newest(self) -> None:
        newest = self._notices[-1]
        self._text.setText(newest.text)
        self._show_icon()
        self._action.setText(newest.action_text)
        self._action.setVisible(newest.action is not None)
        self._other.setText(newest.other_text)
        self._other.setVisible(newest.other is not None)
        self.setAccessibleName(self._spoken(newest))
        self.update()

    def _fill_list(self) -> None:
        """The details of the newest notice, then the older notices, newest first."""
        self._list.clear()
        if self._notices:
            self._list.addItems(self._notices[-1].details)
        for older in reversed(range(len(self._notices) - 1)):
            item = QListWidgetItem(self._notices[older].text, self._list)
            item.setIcon(icon(*_LOOKS[self._notices[older].kind]))
            item.setData(Qt.ItemDataRole.UserRole, older)
        more = self._list.count()
        self._more.setText(self.tr("%n more", "", more))
        self._more.setVisible(more > 0)
        if more == 0:
            self._more.setChecked(False)
        self._unfold(self._more.isChecked())
        self._list.fit()

    def _show_icon(self) -> None:
        if self._notices:
            picture = icon(*_LOOKS[self._notices[-1].kind])
            self._icon.setPixmap(picture.pixmap(QSize(_ICON_PX, _ICON_PX), self.devicePixelRatioF()))

    def _announce(self, notice: Notice) -> None:
        event = QAccessibleAnnouncementEvent(self, self._spoken(notice))
        if notice.kind == NoticeKind.ERROR:
            event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)

    def _spoken(self, notice: Notice) -> str:
        kinds = {
            NoticeKind.INFO: self.tr("Note"),
            NoticeKind.WARNING: self.tr("Warning"),
            NoticeKind.ERROR: self.tr("Error"),
        }
        return f"{kinds[notice.kind]}: {notice.text}"

    def _retranslate(self) -> None:
        self._close.setAccessibleName(self.tr("Close the message"))
        self._close.setToolTip(self.tr("Close (Esc)"))
        self._list.setAccessibleName(self.tr("Details and earlier messages"))


class _DetailList(QListWidget):
    """As high as its rows are once they are wrapped, up to a limit."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setWordWrap(True)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setIconSize(QSize(_SMALL_ICON_PX, _SMALL_ICON_PX))
        self.viewport().setAutoFillBackground(False)  # the bar's own tint shows

    def fit(self) -> None:
        self.doItemsLayout()
        last = self.visualItemRect(self.item(self.count() - 1)) if self.count() else QRect()
        self.setFixedHeight(min(last.bottom() + 1 + self.verticalOffset(), _UNFOLDED_PX))
        self.updateGeometries()  # or the scroll bar would stay from the rows as they were

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()


def _says_the_same(one: Notice, other: Notice) -> bool:
    return (one.kind, one.text) == (other.kind, other.text)
