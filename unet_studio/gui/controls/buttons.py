"""Small controls that several panels use, each with a tooltip and an accessible name."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QLabel, QPushButton, QSlider, QToolButton

from unet_studio.gui.controls.theme import icon


def heading(text: str) -> QLabel:
    """A small heading above a group of controls."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def quiet_label(text: str = "") -> QLabel:
    """A line that may be read or not, below what matters."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def action_button(action: QAction) -> QPushButton:
    """A push button that does what an action does, and says its shortcut."""
    button = QPushButton(action.icon(), action.text())
    button.setToolTip(action.toolTip())
    button.setAccessibleName(action.text())
    button.setEnabled(action.isEnabled())
    button.clicked.connect(action.trigger)
    action.enabledChanged.connect(button.setEnabled)
    return button


def tool_button(icon_name: str, text: str) -> QToolButton:
    """A flat button with an icon; `text` is its tooltip and accessible name."""
    button = QToolButton()
    button.setIcon(icon(icon_name))
    button.setAutoRaise(True)
    button.setToolTip(text)
    button.setAccessibleName(text)
    return button


def horizontal_slider(least: int, most: int, value: int, name: str) -> QSlider:
    """A slider over least…most; `name` is its tooltip and accessible name."""
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(least, most)
    slider.setValue(value)
    slider.setAccessibleName(name)
    slider.setToolTip(name)
    return slider


def set_silently(slider: QSlider, value: int) -> None:
    """Move a slider without its signal: the change comes from elsewhere."""
    slider.blockSignals(True)
    slider.setValue(value)
    slider.blockSignals(False)
