"""Classes, overlay and contrast: how slide and mask are looked at. Nothing here reaches the network."""

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QInputDialog, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from unet_studio.core.classes import MAX_CLASSES, LabelClass, class_colour
from unet_studio.gui.controls.buttons import heading, horizontal_slider, tool_button
from unet_studio.gui.controls.swatch import swatch
from unet_studio.gui.panels.contrast_panel import ContrastPanel


class ViewPanel(QWidget):
    """Chooses the active class, hides classes, and sets the overlay; `contrast` is the part for the slide."""

    class_chosen = Signal(int)
    classes_changed = Signal(object)  # tuple[LabelClass, ...]
    overlay_changed = Signal(float, object)  # opacity 0…1, frozenset of hidden classes

    def __init__(self, outlines: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[LabelClass, ...] = ()
        self._hidden: frozenset[int] = frozenset()
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Classes"))
        self._list.setIconSize(QSize(14, 14))
        self._list.setToolTip(self.tr("Choose a class with its number key; double-click to rename, tick to show"))
        self._add = tool_button("plus", self.tr("Add a class"))
        self._opacity = horizontal_slider(0, 100, 45, self.tr("Overlay opacity"))
        self._outlines = QCheckBox(outlines.text())
        self._outlines.setToolTip(outlines.toolTip())
        self._outlines.setChecked(outlines.isChecked())
        self.contrast = ContrastPanel()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 16)
        layout.setSpacing(8)
        layout.addLayout(self._row(heading(self.tr("Classes")), self._add))
        layout.addWidget(self._list)
        layout.addLayout(self._row(heading(self.tr("Overlay")), self._outlines))
        layout.addWidget(self._opacity)
        layout.addWidget(self.contrast)

        self._list.currentRowChanged.connect(self._on_row)
        self._list.itemChanged.connect(self._on_item)
        self._add.clicked.connect(self._ask_class)
        self._opacity.valueChanged.connect(self._emit_overlay)
        self._outlines.clicked.connect(outlines.trigger)
        outlines.toggled.connect(self._outlines.setChecked)
        outlines.toggled.connect(self._opacity.setDisabled)  # an outline covers what it covers

    @property
    def opacity(self) -> float:
        return self._opacity.value() / 100

    @property
    def hidden(self) -> frozenset[int]:
        return self._hidden

    def set_classes(self, classes: tuple[LabelClass, ...], active: int) -> None:
        """Show the classes; background is the last, since it is painted least."""
        self._classes = classes
        self._list.blockSignals(True)
        self._list.clear()
        for label_class in classes:
            icon = swatch(label_class.colour, filled=label_class.index > 0)
            item = QListWidgetItem(icon, f"{label_class.index}  {label_class.name}")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            if label_class.index:
                shown = label_class.index not in self._hidden
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
            self._list.addItem(item)
        self._list.setCurrentRow(active)
        self._list.blockSignals(False)
        rows = min(max(len(classes), 2), 6)
        self._list.setFixedHeight(rows * self._list.sizeHintForRow(0) + 4)

    def set_active(self, index: int) -> None:
        self._list.blockSignals(True)
        self._list.setCurrentRow(index)
        self._list.blockSignals(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._classes:
            self.set_classes(self._classes, self._list.currentRow())

    def _row(self, left: QWidget, right: QWidget) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(left)
        row.addStretch()
        row.addWidget(right)
        return row

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self.class_chosen.emit(row)

    def _on_item(self, item: QListWidgetItem) -> None:
        index = self._list.row(item)
        name = item.text().strip()
        if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            shown = item.checkState() == Qt.CheckState.Checked
            self._hidden = self._hidden - {index} if shown else self._hidden | {index}
            self._emit_overlay()
        prefix = str(index)
        name = name[len(prefix) :].strip() if name.startswith(prefix) else name
        if name and name != self._classes[index].name:
            renamed = LabelClass(index, name, self._classes[index].colour)
            self.classes_changed.emit((*self._classes[:index], renamed, *self._classes[index + 1 :]))

    def _ask_class(self) -> None:
        if len(self._classes) >= MAX_CLASSES:
            return
        name, accepted = QInputDialog.getText(self, self.tr("Add a class"), self.tr("Name of the new class"))
        if accepted and name.strip():
            index = len(self._classes)
            self.classes_changed.emit((*self._classes, LabelClass(index, name.strip(), class_colour(index))))

    def _emit_overlay(self) -> None:
        self.overlay_changed.emit(self.opacity, self._hidden)
