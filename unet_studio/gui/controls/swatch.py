"""A small square of a colour, for lists and buttons."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap


def swatch(colour: tuple[int, int, int], *, filled: bool = True) -> QIcon:
    """A rounded square in an (r, g, b) colour of 0…255; not filled, only its edge."""
    pixmap = QPixmap(28, 28)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(*colour))
    painter.setBrush(QColor(*colour) if filled else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(2, 2, 24, 24, 5, 5)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else the colour of a selection would tint it
    return icon
