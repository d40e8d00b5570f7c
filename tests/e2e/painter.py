"""The painting app that the kill test kills: a real window on a folder, painted on by mouse events without end.

After each stroke it prints `released NUMBER TIME`, TIME by the system's monotonic clock.
"""

import sys
import time
from pathlib import Path

from PySide6.QtCore import QEventLoop, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.main_window import MainWindow


def main(folder: Path) -> None:
    app = QApplication(sys.argv[:1])
    window = MainWindow()
    window.tasks.proposing.worker.command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    window.show()
    window.session.plane_opened.connect(lambda _: paint_without_end(window))
    window.open_folder(folder)
    app.exec()


def paint_without_end(window: MainWindow) -> None:
    """Stroke number n runs along row n of a grid of cells 8 pixels high, 16 wide."""
    window.actions_by_id[Tool.BRUSH].trigger()
    window.painting.set_brush_size(3)
    viewport = window.canvas.viewport()
    for number in range(32 * 64):
        row, column = divmod(number, 32)
        start, end = (
            window.canvas.mapFromScene(QPointF(column * 16 + 4, row * 8 + 4)),
            window.canvas.mapFromScene(QPointF(column * 16 + 11, row * 8 + 4)),
        )
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(viewport, end)
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end)
        print("released", number, time.monotonic(), flush=True)
        rest(15)


def rest(milliseconds: int) -> None:
    """Let the event loop run; unlike `QTest.qWait` it lets Python's other threads run meanwhile."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
