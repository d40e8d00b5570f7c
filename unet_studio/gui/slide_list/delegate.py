"""How a slide looks in the list: thumbnail, name, folder, and its state as a shape and a word."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from PySide6.QtCore import (
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    Qt,
)
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QIcon, QImage, QPainter, QPalette, QPen, QTransform
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from unet_studio.core.labels.plane import PlaneState
from unet_studio.gui.controls.theme import Tone, icon
from unet_studio.gui.slide_list.model import SlideRole, state_word

_PADDING = 8
_THUMBNAIL = 48
_ROUNDING = 4
_SHAPE = 12
_SMALLER = 0.92
_SELECTED_TINT = 0.18
_HOVER_TINT = 0.06
_FILLED = {PlaneState.NEW: 0.0, PlaneState.PROPOSED: 0.25, PlaneState.CORRECTED: 0.5, PlaneState.REVIEWED: 1.0}

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class _Row:
    """What one row shows."""

    path: PurePosixPath
    state: PlaneState
    detail: str
    problem: str
    thumbnail: QImage | None
    is_held_out: bool

    @property
    def folder(self) -> str:
        return "" if self.path.parent == PurePosixPath() else str(self.path.parent)


class SlideListDelegate(QStyledItemDelegate):
    """Draws a row of a SlideListModel or of a filter over one; all rows are of one height."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: _Index) -> QSize:
        lines = QFontMetrics(option.font).height() + 2 * QFontMetrics(_small(option.font)).height()
        return QSize(_THUMBNAIL + 3 * _PADDING, max(_THUMBNAIL, lines) + 2 * _PADDING)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row = _Row(
            path=PurePosixPath(index.data(SlideRole.PATH)),
            state=PlaneState(index.data(SlideRole.STATE)),
            detail=index.data(SlideRole.DETAIL),
            problem=index.data(SlideRole.PROBLEM),
            thumbnail=index.data(Qt.ItemDataRole.DecorationRole),
            is_held_out=index.data(SlideRole.HELD_OUT),
        )
        inside = option.rect.adjusted(_PADDING, _PADDING, -_PADDING, -_PADDING)
        picture = QRect(inside.x(), inside.center().y() - _THUMBNAIL // 2, _THUMBNAIL, _THUMBNAIL)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        _paint_background(painter, option)
        if row.thumbnail is None:
            _paint_placeholder(painter, picture, option.palette)
        else:
            _paint_thumbnail(painter, picture, row.thumbnail)
        _paint_lines(painter, inside.adjusted(_THUMBNAIL + _PADDING, 0, 0, 0), option, row)
        painter.restore()


def _paint_background(painter: QPainter, option: QStyleOptionViewItem) -> None:
    accent = option.palette.accent().color()
    if option.state & QStyle.StateFlag.State_Selected:
        painter.fillRect(option.rect, _tint(accent, _SELECTED_TINT))
    elif option.state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(option.rect, _tint(option.palette.text().color(), _HOVER_TINT))
    if option.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QPen(accent, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(option.rect).adjusted(1, 1, -1, -1), _ROUNDING, _ROUNDING)


def _paint_placeholder(painter: QPainter, square: QRect, palette: QPalette) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_tint(palette.text().color(), _HOVER_TINT))
    painter.drawRoundedRect(square, _ROUNDING, _ROUNDING)
    icon("image").paint(painter, square.adjusted(14, 14, -14, -14), mode=QIcon.Mode.Disabled)


def _paint_thumbnail(painter: QPainter, square: QRect, thumbnail: QImage) -> None:
    """Fit the thumbnail into `square`; as the texture of a brush, since a clip's round corners would be jagged."""
    size = QSizeF(thumbnail.size()).scaled(QSizeF(square.size()), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRectF(QPointF(), size)
    target.moveCenter(QRectF(square).center())
    brush = QBrush(thumbnail)
    scale = size.width() / thumbnail.width()
    brush.setTransform(QTransform.fromTranslate(target.x(), target.y()).scale(scale, scale))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(brush)
    painter.drawRoundedRect(target, _ROUNDING, _ROUNDING)


def _paint_lines(painter: QPainter, area: QRect, option: QStyleOptionViewItem, row: _Row) -> None:
    """Name, folder if any, state or problem; the lines as a block in the middle of `area`."""
    small = _small(option.font)
    name_height, small_height = QFontMetrics(option.font).height(), QFontMetrics(small).height()
    heights = [name_height, *([small_height] if row.folder else []), small_height]
    lines = []
    y = area.center().y() - sum(heights) // 2
    for height in heights:
        lines.append(QRect(area.x(), y, area.width(), height))
        y += height
    text, quiet = option.palette.text().color(), option.palette.placeholderText().color()
    if row.is_held_out:
        lines[0].setRight(_paint_badge(painter, lines[0], small, quiet) - _PADDING)
    _paint_text(painter, lines[0], row.path.name, option.font, text)
    if row.folder:
        _paint_text(painter, lines[1], row.folder, small, quiet)
    if row.problem:
        _paint_problem(painter, lines[-1], row, small, text)
    else:
        _paint_state(painter, lines[-1], row, small, text)


def _paint_badge(painter: QPainter, line: QRect, font: QFont, ink: QColor) -> int:
    """Say at the right end of `line` that a slide is held out; returns where that begins."""
    word = QCoreApplication.translate("SlideListDelegate", "held out")
    badge = QRect(line)
    badge.setLeft(line.right() - QFontMetrics(font).horizontalAdvance(word) - 2 * _ROUNDING)
    painter.setPen(QPen(ink, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(badge).adjusted(0.5, 0.5, -0.5, -0.5), _ROUNDING, _ROUNDING)
    _paint_text(painter, badge.adjusted(_ROUNDING, 0, 0, 0), word, font, ink)
    return badge.left()


def _paint_state(painter: QPainter, line: QRect, row: _Row, font: QFont, ink: QColor) -> None:
    circle = QRectF(0, 0, _SHAPE - 2, _SHAPE - 2)
    circle.moveCenter(QPointF(line.x() + _SHAPE / 2, QRectF(line).center().y()))
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(circle)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    noon, sixteenths = 90 * 16, 360 * 16
    painter.drawPie(circle, noon, -round(_FILLED[row.state] * sixteenths))
    words = " · ".join(word for word in (state_word(row.state), row.detail) if word)
    _paint_text(painter, _after_shape(line), words, font, ink, elide=Qt.TextElideMode.ElideRight)


def _paint_problem(painter: QPainter, line: QRect, row: _Row, font: QFont, ink: QColor) -> None:
    sign = QRect(line.x(), line.center().y() - _SHAPE // 2, _SHAPE, _SHAPE)
    icon("triangle-alert", Tone.WARNING).paint(painter, sign)
    words = row.problem.removeprefix(f"'{row.path.name}' ")  # the name stands two lines above
    _paint_text(painter, _after_shape(line), words, font, ink, elide=Qt.TextElideMode.ElideRight)


def _after_shape(line: QRect) -> QRect:
    return line.adjusted(_SHAPE + _PADDING // 2, 0, 0, 0)


def _paint_text(
    painter: QPainter,
    line: QRect,
    text: str,
    font: QFont,
    ink: QColor,
    *,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
) -> None:
    painter.setFont(font)
    painter.setPen(ink)
    shown = QFontMetrics(font).elidedText(text, elide, line.width())
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def _small(font: QFont) -> QFont:
    smaller = QFont(font)
    smaller.setPointSizeF(font.pointSizeF() * _SMALLER)
    return smaller


def _tint(ink: QColor, strength: float) -> QColor:
    tint = QColor(ink)
    tint.setAlphaF(strength)
    return tint
