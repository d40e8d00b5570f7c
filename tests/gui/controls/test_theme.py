"""The theme: readable in light and dark, and icons that follow it."""

import gc
import itertools
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QImage, QPalette
from PySide6.QtWidgets import QApplication, QMenu, QToolButton

from unet_studio.gui.controls.theme import Tone, apply_theme, color, icon
from unet_studio.paths import resources

_SCHEMES = ("light", "dark")
_Role = QPalette.ColorRole


@pytest.fixture(autouse=True)
def _undressed_afterwards(qapp: QApplication) -> Iterator[None]:
    yield
    apply_theme(qapp, "light")
    qapp.setStyleSheet("")


def _luminance(ink: QColor) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in ink.getRgbF()[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: QColor, other: QColor) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _blend(ink: QColor, ground: QColor, strength: float) -> QColor:
    pairs = zip(ink.getRgbF()[:3], ground.getRgbF()[:3], strict=True)
    return QColor.fromRgbF(*(strength * i + (1 - strength) * g for i, g in pairs))


def _darkest_ink(image: QImage) -> QColor:
    """The colour of the most opaque pixel."""
    pixels = (image.pixelColor(x, y) for x, y in itertools.product(range(image.width()), range(image.height())))
    return max(pixels, key=QColor.alpha)


def _near(one: QColor, other: QColor) -> bool:
    return all(abs(a - b) <= 2 for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True))


@pytest.mark.parametrize("scheme", _SCHEMES)
def test_every_text_is_readable(qapp: QApplication, scheme: str) -> None:
    apply_theme(qapp, scheme)

    palette = qapp.palette()
    for ink in (_Role.Text, _Role.WindowText, _Role.ButtonText, _Role.PlaceholderText, _Role.Link, _Role.Accent):
        for ground in (_Role.Window, _Role.Base, _Role.Button):
            assert _contrast(palette.color(ink), palette.color(ground)) >= 4.5, (ink, ground)
    assert _contrast(palette.color(_Role.HighlightedText), palette.color(_Role.Highlight)) >= 4.5
    assert _contrast(palette.color(_Role.ToolTipText), palette.color(_Role.ToolTipBase)) >= 4.5


@pytest.mark.parametrize("scheme", _SCHEMES)
@pytest.mark.parametrize("tone", Tone)
def test_every_tone_is_readable_also_on_its_own_tint(qapp: QApplication, scheme: str, tone: Tone) -> None:
    apply_theme(qapp, scheme)

    for ground in (qapp.palette().window().color(), qapp.palette().base().color()):
        assert _contrast(color(tone), ground) >= 4.5
        tinted = _blend(color(tone), ground, 0.18)
        assert _contrast(qapp.palette().text().color(), tinted) >= 4.5


def test_light_is_light_and_dark_is_dark(qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    assert qapp.palette().window().color().lightness() > 200

    apply_theme(qapp, "dark")
    assert qapp.palette().window().color().lightness() < 60


def test_the_system_decides_unless_the_user_did(qapp: QApplication) -> None:
    apply_theme(qapp, "system")
    followed = qapp.palette().window().color().lightness() < 128
    assert followed == (qapp.styleHints().colorScheme() == Qt.ColorScheme.Dark)

    apply_theme(qapp, "dark")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert qapp.palette().window().color().lightness() < 128


def test_a_change_of_the_system_is_followed(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_theme(qapp, "system")
    hints = type(qapp.styleHints())
    for scheme, dark in ((Qt.ColorScheme.Dark, True), (Qt.ColorScheme.Light, False)):
        monkeypatch.setattr(hints, "colorScheme", lambda _hints, scheme=scheme: scheme)
        qapp.styleHints().colorSchemeChanged.emit(scheme)

        assert (qapp.palette().window().color().lightness() < 128) == dark


def test_text_is_13_px_or_what_the_desktop_says(qapp: QApplication) -> None:
    apply_theme(qapp, "light")

    assert qapp.font().pointSizeF() >= 13 * 72 / 96


def test_an_icon_follows_the_theme(qapp: QApplication) -> None:
    brush = icon("brush")
    for scheme in _SCHEMES:
        apply_theme(qapp, scheme)

        ink = _darkest_ink(brush.pixmap(32, 32).toImage())
        assert _near(ink, qapp.palette().windowText().color())


def test_an_icon_shows_whether_it_is_disabled_or_checked(qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    brush = icon("brush")

    disabled = _darkest_ink(brush.pixmap(32, 32, QIcon.Mode.Disabled).toImage())
    checked = _darkest_ink(brush.pixmap(32, 32, QIcon.Mode.Normal, QIcon.State.On).toImage())

    assert _near(disabled, qapp.palette().color(QPalette.ColorGroup.Disabled, _Role.WindowText))
    assert _near(checked, color(Tone.ACCENT))


def test_an_icon_has_the_colour_of_its_tone(qapp: QApplication) -> None:
    apply_theme(qapp, "dark")

    assert _near(_darkest_ink(icon("circle-x", Tone.ERROR).pixmap(32, 32).toImage()), color(Tone.ERROR))


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_an_icon_has_a_pixel_for_each_of_the_screen(qapp: QApplication, ratio: float) -> None:
    pixmap = icon("brush").pixmap(QSize(16, 16), ratio)

    assert pixmap.size() == QSize(16, 16) * ratio
    assert pixmap.devicePixelRatio() == ratio


def test_all_icons_are_drawn(qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    names = [path.stem for path in (resources() / "icons").glob("*.svg")]
    assert "app" in names

    for name in names:
        assert _darkest_ink(icon(name).pixmap(24, 24).toImage()).alpha() > 200, name


def test_the_licence_of_the_icons_ships_with_them() -> None:
    assert "ISC License" in (resources() / "icons" / "LICENSE").read_text(encoding="utf-8")


def test_a_wrong_name_fails_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon")


def test_icons_outlive_the_names_they_were_given(qtbot, qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    button = QToolButton()
    qtbot.addWidget(button)
    menu = QMenu(button)
    for _ in range(50):
        copy = QIcon(icon("eye"))
        copy.addPixmap(copy.pixmap(8, 8))  # a change makes the copy an engine of its own
        action = QAction(copy, "Eye", menu)
        menu.addAction(action)
        button.setIcon(icon("eye"))
    gc.collect()

    assert not button.grab().isNull()
    assert all(not action.icon().pixmap(16, 16).isNull() for action in menu.actions())
