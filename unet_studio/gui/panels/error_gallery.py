"""The gallery of the model's errors: pictures by kind and size, each a click from its place on the slide."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLabel, QListView, QPushButton, QVBoxLayout, QWidget

from unet_studio.core.classes import LabelClass
from unet_studio.core.scoring.object_errors import ErrorKind, ObjectError
from unet_studio.gui.background import Background
from unet_studio.usecases.reviewing.model_errors import PlaneError

_SIDE = 128
_PICTURES_KEPT = 500
_ROOT = QModelIndex()
_KINDS = (None, *ErrorKind)

Draw = Callable[[PlaneError, int], NDArray[np.uint8]]
"""In a thread: a picture (side, side, 3) RGB of an error."""


class ErrorGallery(QDialog):
    """Shows errors, the largest first, all or of one kind; the person chooses one by a click or Return."""

    chosen = Signal(object)  # PlaneError
    renewal_asked = Signal()

    def __init__(self, draw: Draw, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("The model's errors"))
        self._errors: Sequence[PlaneError] = ()
        self._model = _ErrorModel(draw, background, self)
        self._kind = QComboBox()
        self._kind.setAccessibleName(self.tr("Kind of error"))
        self._kind.addItems([""] * len(_KINDS))
        self._summary = QLabel()
        self._renew = QPushButton(self.tr("Compare again"))
        self._renew.setAutoDefault(False)
        self._renew.setToolTip(self.tr("Compare the active model's proposals with your labels as they are now"))
        self._view = _make_view(self.tr("Errors"))
        self._view.setModel(self._model)
        self._lay_out()
        self.resize(760, 560)
        self._kind.currentIndexChanged.connect(self._show_kind)
        self._renew.clicked.connect(self.renewal_asked)
        self._view.activated.connect(self._choose)
        self._view.clicked.connect(self._choose)
        self.show_errors((), ())

    def show_errors(self, errors: Sequence[PlaneError], classes: Sequence[LabelClass]) -> None:
        """Show what was found, with the names of the project's classes."""
        self._errors = errors
        self._model.names = {label.index: label.name for label in classes}
        for number, kind in enumerate(_KINDS):
            count = sum(one.error.kind is kind for one in errors) if kind else len(errors)
            self._kind.setItemText(number, f"{kind_word(kind) if kind else self.tr('all kinds')} ({count})")
        self._show_kind()
        self._renew.setEnabled(True)

    def wait(self) -> None:
        """Show that errors are being looked for."""
        self._summary.setText(self.tr("Comparing the model with your labels…"))
        self._renew.setEnabled(False)

    def stop_waiting(self) -> None:
        """The search ended, perhaps without a result; then what was shown before stays."""
        self._renew.setEnabled(True)
        self._show_kind()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._kind)
        top.addWidget(self._summary, 1)
        top.addWidget(self._renew)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self._view, 1)
        legend = QLabel(self.tr("White: your labels. Orange: what the model says. Return or a click opens the place."))
        legend.setWordWrap(True)
        layout.addWidget(legend)

    def _show_kind(self) -> None:
        kind = _KINDS[self._kind.currentIndex()]
        shown = [one for one in self._errors if kind is None or one.error.kind is kind]
        self._model.show_errors(shown)
        if self._errors:
            planes = len({one.plane for one in self._errors})
            text = self.tr("On {0} reviewed planes, the largest first").format(planes)
        else:
            text = self.tr("No error on reviewed planes that the active model proposed.")
        self._summary.setText(text)

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(self._model.error_at(index.row()))


class _ErrorModel(QAbstractListModel):
    """One row an error; a picture is drawn when its row is first seen."""

    def __init__(self, draw: Draw, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self.names: dict[int, str] = {}
        self._draw = draw
        self._background = background
        self._errors: Sequence[PlaneError] = ()
        self._rows: dict[PlaneError, int] = {}
        self._blank = QImage(_SIDE, _SIDE, QImage.Format.Format_RGB32)
        self._blank.fill(Qt.GlobalColor.darkGray)
        self._pictures: dict[PlaneError, QImage | None] = {}  # None while it is being drawn, or where it can't be

    def show_errors(self, errors: Sequence[PlaneError]) -> None:
        self.beginResetModel()
        self._errors = errors
        self._rows = {one: row for row, one in enumerate(errors)}
        self._pictures.clear()
        self.endResetModel()

    def error_at(self, row: int) -> PlaneError:
        return self._errors[row]

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._errors)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not self.checkIndex(index, QAbstractListModel.CheckIndexOption.IndexIsValid):
            return None
        one = self._errors[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _short_words(one.error)
            case Qt.ItemDataRole.DecorationRole:
                return self._picture(one) or self._blank
            case Qt.ItemDataRole.SizeHintRole:
                return QSize(_SIDE + 16, _SIDE + 28)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                name = self.names.get(one.error.class_index, str(one.error.class_index))
                return f"{_short_words(one.error)} · {name} · {one.plane.slide}"
        return None

    def _picture(self, one: PlaneError) -> QImage | None:
        if one not in self._pictures:
            if len(self._pictures) >= _PICTURES_KEPT:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[one] = None
            ratio = 2  # for screens at 2×
            self._background.run(
                f"drawing an error on '{one.plane.slide}'",
                partial(self._draw, one, ratio * _SIDE),
                partial(self._arrived, one),
                failed=lambda _: None,  # it is told when the slide is opened
            )
        return self._pictures[one]

    def _arrived(self, one: PlaneError, pixels: NDArray[np.uint8]) -> None:
        if one not in self._pictures:
            return
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        image.setDevicePixelRatio(width / _SIDE)
        self._pictures[one] = image
        index = self.index(self._rows[one])
        self.dataChanged.emit(index, index)


def kind_word(kind: ErrorKind) -> str:
    """The kind in the user's language."""
    words = {
        ErrorKind.FALSE: _tr("false"),
        ErrorKind.MISSED: _tr("missed"),
        ErrorKind.MERGED: _tr("merged"),
        ErrorKind.SPLIT: _tr("split"),
        ErrorKind.BORDER: _tr("border off"),
    }
    return words[kind]


def _short_words(error: ObjectError) -> str:
    if error.kind is ErrorKind.BORDER:
        return _tr("border off by {0:.0f} px").format(error.distance)
    return _tr("{0}, {1} px").format(kind_word(error.kind), error.size)


def _make_view(name: str) -> QListView:
    view = QListView()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    view.setMovement(QListView.Movement.Static)
    view.setIconSize(QSize(_SIDE, _SIDE))
    view.setGridSize(QSize(_SIDE + 24, _SIDE + 36))
    view.setWordWrap(True)
    view.setAccessibleName(name)
    return view


def _tr(text: str) -> str:
    return QCoreApplication.translate("ErrorGallery", text)
