"""The chart of a training: Dice and loss by round. Its library takes a third of a second to load: import it late."""

import math
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QWidget

from unet_studio.protocol.values import Round


class RoundChart(pg.PlotWidget):  # type: ignore[misc]  # the library has no types
    """Two lines over the rounds; all rounds to come have their place, so that nothing jumps as rounds arrive."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Dice and loss by round"))
        self.setFixedHeight(160)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setMenuEnabled(False)
        self._dice = self.plot([], [], symbol="o", symbolSize=5)
        self._loss = self.plot([], [])

    def show_rounds(self, rounds: Sequence[Round]) -> None:
        """Draw these rounds, in the colours of the palette as it is now."""
        palette = self.palette()
        accent, quiet = palette.color(QPalette.ColorRole.Highlight), palette.color(QPalette.ColorRole.PlaceholderText)
        self.setBackground(palette.color(QPalette.ColorRole.Base))
        for axis in ("left", "bottom"):
            self.getAxis(axis).setPen(quiet)
            self.getAxis(axis).setTextPen(palette.color(QPalette.ColorRole.Text))
        # What the lines are stands below, where no line ever is.
        dice, loss = self.tr("Dice"), self.tr("loss")
        shown = ((f"●━ {dice}", accent), (f"┅ {loss}", quiet))
        lines = " &nbsp; ".join(f"<span style='color: {tone.name()}'>{name}</span>" for name, tone in shown)
        self.setLabel("bottom", f"{self.tr('round')} &nbsp; {lines}", color=palette.color(QPalette.ColorRole.Text))
        self._dice.setPen(pg.mkPen(accent, width=2))
        self._dice.setSymbolBrush(accent)
        self._dice.setSymbolPen(accent)
        self._loss.setPen(pg.mkPen(quiet, width=2, style=Qt.PenStyle.DashLine))
        scored = [(r.round, r.dice) for r in rounds if not math.isnan(r.dice)]
        self._dice.setData([r for r, _ in scored], [dice for _, dice in scored])
        lossy = [(r.round, r.loss) for r in rounds if not math.isnan(r.loss)]
        self._loss.setData([r for r, _ in lossy], [loss for _, loss in lossy])
        self.setXRange(0, max((r.rounds for r in rounds), default=1), padding=0.04)
        self.setYRange(0, max([1.0, *(loss for _, loss in lossy)]), padding=0.04)  # 0 to 1 is always there
