"""What the program says of itself, its log, and all its shortcuts."""

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence
from PySide6.QtWidgets import QDialog, QMessageBox, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from unet_studio import __version__
from unet_studio.gui.window.actions import ACTIONS, translate
from unet_studio.log import log_folder


def show_about(window: QWidget) -> None:
    """Show version, licence and credits in a dialog."""
    text = QCoreApplication.translate(
        "About",
        "<h3>U-Net Studio {0}</h3><p>Turns folders of slides into masks you can trust.</p>"
        "<p>BSD-3-Clause. Icons: Lucide (ISC). The nuclei models are made from BBBC038 / Data Science Bowl "
        "2018 (CC0), the axon model and the demo slides from data_axondeepseg_sem (MIT, © 2020 ivadomed).</p>",
    ).format(__version__)
    QMessageBox.about(window, QCoreApplication.translate("About", "About U-Net Studio"), text)


def open_log_folder() -> None:
    """Show the folder of the log files in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_folder())))


def show_shortcuts(window: QWidget) -> None:
    """Show all shortcuts in a dialog, by menu."""
    dialog = QDialog(window)
    dialog.setWindowTitle(translate("Keyboard shortcuts"))
    table = QTableWidget(len(ACTIONS), 3)
    table.setAccessibleName(dialog.windowTitle())
    for row, spec in enumerate(ACTIONS):
        keys = "   ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in spec.shortcuts)
        for column, text in enumerate((keys, translate(spec.text).replace("&", ""), translate(spec.help))):
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
