"""Starts the Qt application and its one window."""

import logging
import os
import signal
import sys
from pathlib import Path


def open_window(folder: Path | None) -> int:
    """Show the window, on `folder` if one is given, until it is closed; returns the exit code."""
    # opencv-python, where it is installed too, points Qt at its own plugins.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]

    logging.captureWarnings(True)  # what libraries say of odd files is for the log

    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from unet_studio.gui.controls.theme import apply_theme, icon
    from unet_studio.gui.translation import install_translation
    from unet_studio.gui.window.main_window import MainWindow
    from unet_studio.gui.window.unexpected import tell_unexpected

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setOrganizationName("U-Net Studio")
    app.setApplicationName("U-Net Studio")
    app.setWindowIcon(icon("app"))
    install_translation(app)
    apply_theme(app)
    window = MainWindow()
    tell_unexpected(window.session)
    window.show()
    if folder is not None:
        QTimer.singleShot(0, lambda: window.open_folder(folder))
    signal.signal(signal.SIGINT, lambda *_: window.close())
    ticking = QTimer(interval=200)
    ticking.timeout.connect(lambda: None)  # lets Python see Ctrl+C while Qt waits for events
    ticking.start()
    return app.exec()
