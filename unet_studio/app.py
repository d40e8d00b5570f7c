"""Starts the Qt application and its one window."""

import logging
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from threading import Thread

from unet_studio.log import keep_log

_QUIET_MS = 1000
"""After this time the window is painted, and so is a small slide that it was started on."""
_OF_A_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
_NO_DISPLAY = """There is no display to show the window on: neither DISPLAY nor WAYLAND_DISPLAY is set.
On another computer log in with 'ssh -X', or use the commands, which need no display: 'unet-studio --help' lists them.
"""
_SLOW = (
    "unet_studio.core.slides.tiff.opening",
    "PIL.Image",
    "skimage.morphology",
    "skimage.segmentation",
    "skimage.graph",
)


def open_window(folder: Path | None) -> int:
    """Show the window, on `folder` if one is given, until it is closed; returns the exit code."""
    if sys.platform == "linux" and not any(os.environ.get(name) for name in _OF_A_DISPLAY):
        sys.stderr.write(_NO_DISPLAY)  # Qt would name a library that is there, and abort
        return 1
    # opencv-python, where it is installed too, points Qt at its own plugins.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]

    with keep_log():
        return _run(folder)


def _run(folder: Path | None) -> int:
    logging.captureWarnings(True)  # what libraries say of odd files is for the log

    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from unet_studio.gui.controls.theme import apply_theme, icon
    from unet_studio.gui.translation import install_translation
    from unet_studio.gui.window.main_window import MainWindow
    from unet_studio.gui.window.unexpected import UnexpectedErrors

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setOrganizationName("U-Net Studio")
    app.setApplicationName("U-Net Studio")
    app.setWindowIcon(icon("app"))
    install_translation(app)
    apply_theme(app)
    window = MainWindow()
    UnexpectedErrors(window.session, window).install()
    window.show()
    if folder is not None:
        QTimer.singleShot(0, lambda: window.open_folder(folder))
    QTimer.singleShot(_QUIET_MS, load_slow_libraries)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    ticking = QTimer(interval=200)
    ticking.timeout.connect(lambda: None)  # lets Python see Ctrl+C while Qt waits for events
    ticking.start()
    return app.exec()


def load_slow_libraries() -> Thread:
    """Load in a thread what the window came up without, so that the first TIFF and the first use of a tool don't wait.

    Leaving the program waits for the thread, since a library that is half loaded can't be left.
    """

    def load() -> None:
        for module in _SLOW:
            import_module(module)

    thread = Thread(target=load, name="load slow libraries")
    thread.start()
    return thread
