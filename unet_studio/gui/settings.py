"""What the program remembers between two runs of the window; a project's own content is never here."""

import json
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from unet_studio.core.scoring.next_plane import Order

_MOST_RECENT = 8


def recent_folders() -> list[Path]:
    """Folders opened lately, newest first; those that are gone are left out."""
    return [Path(text) for text in _read_list("recent") if Path(text).is_dir()]


def remember_folder(folder: Path) -> None:
    known = [str(folder), *(text for text in _read_list("recent") if text != str(folder))]
    QSettings().setValue("recent", json.dumps(known[:_MOST_RECENT]))


def place_of(folder: Path) -> Path | None:
    """Where the project of a folder is kept, if it isn't beside its slides."""
    text = _read_places().get(str(folder))
    return Path(text) if text else None


def remember_place(folder: Path, place: Path) -> None:
    QSettings().setValue("places", json.dumps(_read_places() | {str(folder): str(place)}))


def window_geometry() -> QByteArray:
    value = QSettings().value("geometry")
    return value if isinstance(value, QByteArray) else QByteArray()


def remember_geometry(geometry: QByteArray) -> None:
    QSettings().setValue("geometry", geometry)


def proposes_with_flips() -> bool:
    """Whether proposals are averaged over the eight orientations of a slide."""
    return bool(QSettings().value("flips", False, type=bool))


def remember_flips(*, on: bool) -> None:
    QSettings().setValue("flips", on)


def next_order() -> Order:
    """What "next" follows."""
    text = str(QSettings().value("next_order", Order.FOLDER.value))
    return Order(text) if text in [order.value for order in Order] else Order.FOLDER


def remember_next_order(order: Order) -> None:
    QSettings().setValue("next_order", order.value)


def shows_minimap() -> bool:
    """Whether the minimap is wanted while a part of the plane is out of view."""
    return bool(QSettings().value("minimap", True, type=bool))


def remember_minimap(*, on: bool) -> None:
    QSettings().setValue("minimap", on)


def _read_list(key: str) -> list[str]:
    value = _read(key, [])
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _read_places() -> dict[str, str]:
    value = _read("places", {})
    return value if isinstance(value, dict) else {}


def _read(key: str, default: object) -> object:
    try:
        return json.loads(str(QSettings().value(key, json.dumps(default))))
    except ValueError:
        return default
