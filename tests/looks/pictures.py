"""README's pictures of the window, made anew by a hand at the real window; all of them, or those that are named.

    QT_QPA_PLATFORM=offscreen uv run python tests/looks/pictures.py [window histology stack huge] [--data FOLDER]

Each is of 1280 × 800 pixels and 160 colours. The slides are those whose licences let their pictures be shipped: axons
of data_axondeepseg_sem (MIT), stained nuclei of BBBC038 and CMU-1-Small-Region (CC0), membranes of
BioImageAnalysisNotebooks (CC BY 4.0), and one that is made here.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from canvas_slides import write_huge

from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.gui.controls.theme import apply_theme
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.translation import install_translation
from unet_studio.gui.window.main_window import MainWindow

PICTURES = Path(__file__).parents[2] / "resources" / "screenshots"
COLOURS = 160
NONE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


class Hand:
    """A person at a window of 1280 × 800 on a folder of slides."""

    def __init__(self, folder: Path) -> None:
        self.window = MainWindow()
        self.window.actions_by_id[Tool.BRUSH].trigger()
        self.window.setGeometry(0, 0, 1280, 800)
        self.window.show()
        QTest.qWaitForWindowExposed(self.window)
        self.window.open_folder(folder)
        ready: list[object] = []
        self.window.tasks.proposing.worker.ready.connect(ready.append)
        self.wait_for(lambda: self.window.session.plane is not None and bool(ready))
        self.rest()

    def wait_for(self, holds: Callable[[], bool], seconds: int = 900) -> None:
        for _ in range(seconds * 20):
            if holds():
                return
            QTest.qWait(50)
        raise SystemExit("The window did not do what was asked.")

    def rest(self) -> None:
        """Let what was asked come to an end, and the picture be painted."""
        QTest.qWait(800)
        self.wait_for(lambda: not self.window.tasks.is_busy)
        QTest.qWait(800)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        self.window.activateWindow()
        QTest.keyClick(self.window.canvas, key, modifier)
        self.rest()

    def open(self, slide: str) -> None:
        self.window.queue.open_slide(slide)
        self.wait_for(lambda: self.window.session.plane is not None and self.window.session.plane.id.slide == slide)
        self.rest()

    def at(self, y: float, x: float) -> QPoint:
        """Where a place of the canvas is, both from 0 to 1."""
        size = self.window.canvas.viewport().size()
        return QPoint(round(x * size.width()), round(y * size.height()))

    def on_slide(self, y: float, x: float) -> QPoint:
        return self.window.canvas.mapFromScene(QPointF(x, y))

    def move(self, place: QPoint) -> None:
        viewport = self.window.canvas.viewport()
        QCursor.setPos(viewport.mapToGlobal(place))
        QTest.mouseMove(viewport, place + QPoint(1, 0))
        QTest.mouseMove(viewport, place)
        QTest.qWait(50)

    def drag(self, *places: QPoint, release: bool = True) -> None:
        viewport = self.window.canvas.viewport()
        self.move(places[0])
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, NONE, places[0])
        for place in places[1:]:
            self.move(place)
        if release:
            QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, NONE, places[-1])
        QTest.qWait(500)

    def zoom(self, zoom: float, y: float, x: float) -> None:
        """Show so many pixels of the screen for one of the slide, with this one of it in the middle."""
        self.window.canvas.zoom_to(zoom)
        self.window.canvas.centerOn(QPointF(x, y))
        self.rest()

    def take(self, name: str) -> None:
        """Write the picture, in few colours, and close the window."""
        QTest.qWait(1500)
        file = PICTURES / f"{name}.png"
        self.window.grab().save(str(file))
        colours = Image.open(file).convert("RGB")
        picture = colours.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
        picture.save(file, optimize=True)
        self.window.close()


def window(folder: Path, data: Path) -> None:
    """Three classes; slides in every state, two of them held out; what a click on "Retrain" would do."""
    shutil.copytree(data / "axon_sem_dev" / "images", folder, dirs_exist_ok=True)
    hand = Hand(folder)
    hand.window.session.models.use("axon-myelin")
    hand.key(Qt.Key.Key_P, SHIFT)
    first, second, third, *_ = hand.window.session.workspace.slides  # type: ignore[union-attr]
    hand.open(third)
    hand.key(Qt.Key.Key_H, CTRL)
    hand.key(Qt.Key.Key_Return)
    hand.open(second)
    hand.key(Qt.Key.Key_Return)
    hand.open(first)
    hand.window.messages.clear()
    hand.zoom(1.5, 420, 700)
    hand.key(Qt.Key.Key_B)
    hand.drag(hand.at(0.62, 0.30), hand.at(0.63, 0.31))
    hand.window.page.show_panel(hand.window.retrain_panel)
    hand.key(Qt.Key.Key_L, SHIFT)
    hand.move(hand.at(0.4, 0.45))
    hand.take("window")


def histology(folder: Path, data: Path) -> None:
    """Outlines, the smart brush, and a clean-up of three steps."""
    slides = sorted((data / "he_dev" / "images").iterdir())
    for slide in (*slides[1:20:4], data / "wsi" / "CMU-1-Small-Region.svs"):
        shutil.copy(slide, folder)
    hand = Hand(folder)
    hand.window.session.models.use("nuclei-histology")
    first, second, *_ = hand.window.session.workspace.slides  # type: ignore[union-attr]
    for slide in (second, first):
        hand.open(slide)
        hand.key(Qt.Key.Key_P)
    steps = parse_steps("open:disk:1,fill-holes:64,remove-small:64")
    hand.window.session.set_recipe(MaskRecipe(steps), "clean-up")
    hand.open(second)
    hand.key(Qt.Key.Key_Return)
    hand.open(first)
    hand.key(Qt.Key.Key_O)
    hand.window.page.show_panel(hand.window.clean_up_panel)
    hand.key(Qt.Key.Key_S)
    hand.move(hand.at(0.5, 0.45))
    hand.take("histology")


def stack(folder: Path, data: Path) -> None:
    """A plane of a 16-bit stack, and the magic wand while it is dragged."""
    for name in ("hela-cells", "maize_clsm", "membrane_2d_timelapse"):
        shutil.copy(data / "stacks_sparse" / "bia_notebooks" / f"{name}.tif", folder)
    hand = Hand(folder)
    hand.open("membrane_2d_timelapse.tif")
    hand.key(Qt.Key.Key_Period)
    hand.key(Qt.Key.Key_Period)
    hand.key(Qt.Key.Key_W)
    hand.drag(hand.on_slide(90, 150), hand.on_slide(92, 156))
    hand.drag(hand.on_slide(70, 75), hand.on_slide(72, 82), hand.on_slide(75, 90), release=False)
    hand.take("stack")


def huge(folder: Path, _data: Path) -> None:
    """A stroke in the middle of 100,000 × 80,000 pixels, and where that is."""
    write_huge(folder / "100000x80000.tif", 80_000, 100_000)
    hand = Hand(folder)
    hand.key(Qt.Key.Key_B)
    hand.window.painting.set_brush_size(120)
    hand.zoom(0.6, 40_000, 50_000)
    hand.drag(hand.at(0.42, 0.2), hand.at(0.54, 0.44), hand.at(0.45, 0.74))
    hand.take("huge")


SCENES = {scene.__name__: scene for scene in (window, histology, stack, huge)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*SCENES, []], help="which pictures; all where none is named")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    app = QApplication(sys.argv[:1])
    install_translation(app)
    apply_theme(app, "light")
    for name in asked.names or SCENES:
        with tempfile.TemporaryDirectory() as folder:
            QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, f"{folder}/settings")
            slides = Path(folder) / name
            slides.mkdir()
            SCENES[name](slides, asked.data)


if __name__ == "__main__":
    main()
