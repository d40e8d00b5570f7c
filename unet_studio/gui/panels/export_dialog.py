"""The dialog that asks what to export and where to; it only asks."""

from pathlib import Path

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from unet_studio.core.exchange.exporting import ExportRequest, Format, Values, Wanted


class ExportDialog(QDialog):
    """Format, values, which slides, and a folder."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export masks"))
        self._format = self._choice(
            self.tr("Format"),
            (self.tr("PNG"), Format.PNG),
            (self.tr("TIFF"), Format.TIFF),
            (self.tr("Overlay on the slide"), Format.OVERLAY),
        )
        self._values = self._choice(
            self.tr("Values"),
            (self.tr("Class numbers 0, 1, 2, …"), Values.INDEX),
            (self.tr("0 and 255"), Values.BINARY),
            (self.tr("A number for each object"), Values.INSTANCES),
        )
        self._states = self._choice(
            self.tr("Slides"),
            (self.tr("Reviewed"), "reviewed"),
            (self.tr("Corrected and reviewed"), "corrected"),
            (self.tr("All"), "any"),
        )
        self._out = QLineEdit(str(folder))
        self._out.setAccessibleName(self.tr("Folder to export to"))
        browse = QPushButton(self.tr("Choose…"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setIcon(QIcon())
        self._export = buttons.addButton(self.tr("Export"), QDialogButtonBox.ButtonRole.AcceptRole)

        row = QHBoxLayout()
        row.addWidget(self._out)
        row.addWidget(browse)
        form = QFormLayout()
        form.addRow(self.tr("&Format"), self._format)
        form.addRow(self.tr("&Values"), self._values)
        form.addRow(self.tr("&Slides"), self._states)
        folder_label = QLabel(self.tr("F&older"))
        folder_label.setBuddy(self._out)
        form.addRow(folder_label, row)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(buttons)
        self.setMinimumWidth(480)

        browse.clicked.connect(self._browse)
        self._format.currentIndexChanged.connect(
            lambda: self._values.setEnabled(self._format.currentData() != Format.OVERLAY)
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)

    def request(self) -> ExportRequest:
        """What was chosen."""
        return ExportRequest(
            out=Path(self._out.text()).expanduser(),
            format=Format(self._format.currentData()),  # Qt keeps but the text of it
            values=Values(self._values.currentData()),
            states=Wanted(self._states.currentData()),
        )

    def _choice(self, name: str, *items: tuple[str, str]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        for text, value in items:
            box.addItem(text, value)
        return box

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Export to"), self._out.text())
        if chosen:
            self._out.setText(chosen)
