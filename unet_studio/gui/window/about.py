"""What the program says of itself."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from unet_studio import __version__


def show_about(window: QWidget) -> None:
    """Show version, licence and credits in a dialog."""
    text = QCoreApplication.translate(
        "About",
        "<h3>U-Net Studio {0}</h3><p>Turns folders of slides into masks you can trust.</p>"
        "<p>BSD-3-Clause. Icons: Lucide (ISC). The nuclei models are made from BBBC038 / Data Science Bowl "
        "2018 (CC0), the axon model and the demo slides from data_axondeepseg_sem (MIT, © 2020 ivadomed).</p>",
    ).format(__version__)
    QMessageBox.about(window, QCoreApplication.translate("About", "About U-Net Studio"), text)
