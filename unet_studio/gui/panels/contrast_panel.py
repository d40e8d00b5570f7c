"""Contrast and colour of each channel, set on its histogram. It never reaches the network."""

import math
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QDoubleSpinBox,
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from unet_studio.core.figures.display import ChannelView, Display
from unet_studio.core.figures.histograms import Tones
from unet_studio.gui.controls.buttons import heading
from unet_studio.gui.controls.swatch import swatch
from unet_studio.gui.panels.histogram import GAMMA_RANGE, HistogramView

_FARTHEST = 3.4e38  # of float32
_ROWS_SHOWN = 2
_CHANNELS_A_ROW = 5


class ContrastPanel(QWidget):
    """Shows a display and emits the one that is wanted; it keeps none itself.

    The fields and the histogram are for the channel chosen in the list; of red, green and blue, for all at first.
    """

    display_changed = Signal(object)  # Display

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._display = Display()
        self._tones: Tones | None = None
        self._is_off = False
        self._heading = heading(self.tr("Contrast"))
        self._automatic = _text_button(
            self.tr("Auto"), self.tr("Stretch the chosen channel over nearly all of the plane's values")
        )
        self._reset = _text_button(self.tr("Reset"), self.tr("Show the slide as it was at first"))
        self._channels = _channel_list()
        self._channels.setAccessibleName(self.tr("Channels"))
        self._channels.setToolTip(self.tr("Choose the channel to adjust; tick (Space) to show"))
        self._colour = QToolButton()
        self._colour.setToolTip(self.tr("Colour of the chosen channel…"))
        self._colour.setAccessibleName(self.tr("Colour of the chosen channel"))
        self._histogram = HistogramView()
        self._low = _field(self.tr("Shown as black"))
        self._gamma = _field(self.tr("Gamma: above 1 brightens the middle"))
        self._gamma.setPrefix("γ ")
        self._gamma.setRange(*GAMMA_RANGE)
        self._gamma.setSingleStep(0.1)
        self._high = _field(self.tr("Shown as white"))

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(_row(self._heading, None, self._colour, self._automatic, self._reset))
        layout.addWidget(self._channels)
        layout.addWidget(self._histogram)
        layout.addLayout(_row(self._low, self._gamma, self._high))

        self._channels.currentRowChanged.connect(self._show_chosen)
        self._channels.itemChanged.connect(self._on_tick)
        self._channels.itemActivated.connect(self._ask_colour)
        self._colour.clicked.connect(self._ask_colour)
        self._automatic.clicked.connect(self._stretch)
        self._reset.clicked.connect(self._show_first)
        self._histogram.levels_dragged.connect(self._set_levels)
        self._low.valueChanged.connect(lambda low: self._set_levels(low=low))
        self._gamma.valueChanged.connect(lambda gamma: self._set_levels(gamma=gamma))
        self._high.valueChanged.connect(lambda high: self._set_levels(high=high))
        self._list_channels(0)
        self._update_enabled()

    def open_plane(self, display: Display) -> None:
        """Show the display of another plane, whose histograms are yet to come; one without channels for no slide."""
        self._tones = None
        self.set_display(display)

    def set_display(self, display: Display) -> None:
        """Show how the open plane is displayed."""
        if len(display.channels) != len(self._display.channels):
            self._list_channels(len(display.channels))
        self._display = display
        self._update_enabled()
        self._show_ticks()
        self._show_chosen()

    def set_tones(self, tones: Tones) -> None:
        """Show the histograms of the plane, from which Auto and Reset take what they need too."""
        self._tones = tones
        self._show_chosen()

    def set_network_view(self, *, shown: bool) -> None:
        """Say that contrast has no part in what is shown, while the network's view is."""
        self._heading.setText(self.tr("Contrast: off") if shown else self.tr("Contrast"))
        self._is_off = shown
        self._update_enabled()

    # What is shown

    def _chosen(self) -> tuple[int, ...]:
        """The channels that fields and handles are for."""
        count, row = len(self._display.channels), self._channels.currentRow()
        if count == 3:
            return (0, 1, 2) if row <= 0 else (row - 1,)
        return (max(row, 0),) if count else ()

    def _channel_of(self, row: int) -> int | None:
        """The channel of a row of the list; None for the row of all."""
        if len(self._display.channels) == 3:
            return row - 1 if row else None
        return row

    def _list_channels(self, count: int) -> None:
        names = [str(1 + index) for index in range(count)]
        if count == 3:
            names = [self.tr("All"), self.tr("Red"), self.tr("Green"), self.tr("Blue")]
        self._channels.blockSignals(True)
        self._channels.clear()
        for name in names:
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, self.tr("Channel {0}").format(name))
            self._channels.addItem(item)
        self._channels.setCurrentRow(0)
        self._channels.blockSignals(False)
        rows = min(-(-len(names) // _CHANNELS_A_ROW), _ROWS_SHOWN)
        self._channels.setFixedHeight(rows * self._channels.sizeHintForRow(0) + 4)
        self._channels.setVisible(count > 1)

    def _update_enabled(self) -> None:
        self.setEnabled(bool(self._display.channels) and not self._is_off)

    def _show_ticks(self) -> None:
        self._channels.blockSignals(True)
        for row in range(self._channels.count()):
            channel = self._channel_of(row)
            if channel is not None:
                view = self._display.channels[channel]
                item = self._channels.item(row)
                item.setCheckState(Qt.CheckState.Checked if view.shown else Qt.CheckState.Unchecked)
                item.setIcon(swatch(view.colour))
        self._channels.blockSignals(False)

    def _show_chosen(self) -> None:
        chosen = self._chosen()
        self._automatic.setEnabled(self._tones is not None)
        self._reset.setEnabled(self._tones is not None)
        self._colour.setVisible(len(chosen) == 1 and len(self._display.channels) > 1)
        if not chosen:
            self._histogram.show_levels(ChannelView(0.0, 1.0), ())
            return
        levels = self._display.channels[chosen[0]]
        self._colour.setIcon(swatch(levels.colour))
        tones, views = self._tones, self._display.channels
        drawn = [(tones.histograms[channel], views[channel].colour) for channel in chosen] if tones else []
        self._histogram.show_levels(levels, drawn)
        decimals = max(0, 2 - math.floor(math.log10(max(self._histogram.span, 1e-12))))
        for field, value in ((self._low, levels.low), (self._high, levels.high)):
            _show_number(field, value, decimals=decimals, step=self._histogram.span / 100)
        _show_number(self._gamma, levels.gamma, decimals=2, step=0.1)

    # What is wanted

    def _set_levels(self, low: float | None = None, high: float | None = None, gamma: float | None = None) -> None:
        """Ask for other levels of the chosen channels; None leaves one as it is, unless black and white would cross."""
        levels = self._display.channels[self._chosen()[0]]
        low = levels.low if low is None else low
        high = max(levels.high, low) if high is None else high
        gamma = levels.gamma if gamma is None else gamma
        views = list(self._display.channels)
        for channel in self._chosen():
            views[channel] = replace(views[channel], low=min(low, high), high=high, gamma=gamma)
        self.display_changed.emit(Display(tuple(views)))

    def _stretch(self) -> None:
        """Ask for the automatic range of the chosen channels, one for all of them."""
        if self._tones is not None:
            histograms = [self._tones.histograms[channel] for channel in self._chosen()]
            low, high = min(h.dark for h in histograms), max(h.bright for h in histograms)
            self._set_levels(low=low, high=high)

    def _show_first(self) -> None:
        if self._tones is not None:
            self.display_changed.emit(self._tones.display)

    def _on_tick(self, item: QListWidgetItem) -> None:
        channel = self._channel_of(self._channels.row(item))
        if channel is not None:
            shown = item.checkState() == Qt.CheckState.Checked
            self._change_channel(channel, replace(self._display.channels[channel], shown=shown))

    def _ask_colour(self) -> None:
        chosen = self._chosen()
        if len(chosen) != 1:
            return
        view = self._display.channels[chosen[0]]
        colour = QColorDialog.getColor(QColor(*view.colour), self, self.tr("Colour of the channel"))
        if colour.isValid():
            self._change_channel(chosen[0], replace(view, colour=(colour.red(), colour.green(), colour.blue())))

    def _change_channel(self, channel: int, view: ChannelView) -> None:
        views = list(self._display.channels)
        views[channel] = view
        self.display_changed.emit(Display(tuple(views)))


def _channel_list() -> QListWidget:
    """Channels beside each other, since most slides have few and the panel is low."""
    channels = QListWidget()
    channels.setFlow(QListView.Flow.LeftToRight)
    channels.setWrapping(True)
    channels.setResizeMode(QListView.ResizeMode.Adjust)
    channels.setIconSize(QSize(14, 14))
    return channels


def _text_button(text: str, help_text: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(help_text)
    return button


def _field(name: str) -> QDoubleSpinBox:
    """A narrow field for a number, applied when it is typed to its end; arrow keys step it."""
    field = QDoubleSpinBox(minimum=-_FARTHEST, maximum=_FARTHEST)
    field.setKeyboardTracking(False)
    # By itself it would make room for all digits of the largest number.
    field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    field.setToolTip(name)
    field.setAccessibleName(name)
    return field


def _show_number(field: QDoubleSpinBox, value: float, *, decimals: int, step: float) -> None:
    """Show a number without the field's signal: the change comes from elsewhere."""
    field.blockSignals(True)
    field.setDecimals(decimals)
    field.setSingleStep(max(step, 10.0**-decimals))
    field.setValue(value)
    field.blockSignals(False)


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Widgets beside each other; None stands for room between them."""
    row = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            row.addStretch()
        else:
            row.addWidget(widget)
    return row
