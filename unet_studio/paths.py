"""Where the program's own content lies, installed from a wheel or run from a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _content(installed: str, checkout: str) -> Path:
    inside = _PACKAGE / installed
    return inside if inside.is_dir() else _PACKAGE.parent / checkout


def resources() -> Path:
    """Folder with icons/, models/ and demo/."""
    return _content("_resources", "resources")


def recipes() -> Path:
    """Folder with the training recipes, NAME.toml each."""
    return _content("_recipes", "training/recipes")
