"""The demo: a folder of bundled slides, ready to be proposed with a bundled starter model."""

import shutil
from pathlib import Path

import platformdirs

from unet_studio import paths
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.errors import StudioError

MODEL = "axon-myelin"


def default_folder() -> Path:
    """Where the demo is kept for this user, by the custom of the system."""
    return platformdirs.user_data_path("unet-studio", appauthor=False) / "demo"


def has_project(target: Path) -> bool:
    """Whether the demo in `target` has a project already."""
    return (target / "slides" / PLACE_NAME / "project.sqlite").exists()


def prepare_demo(target: Path | None = None) -> Path:
    """Make the folder of demo slides in `target` (by default `default_folder`), ready to propose; returns it.

    A demo that is there already stays as it is, with all that was painted in it. Raises StudioError where nothing can
    be written.
    """
    target = target or default_folder()
    slides = target / "slides"
    if not has_project(target):
        try:
            shutil.copytree(paths.resources() / "demo" / "slides", slides, dirs_exist_ok=True)
            shutil.copy(paths.resources() / "demo" / "README.md", target)
        except OSError as error:
            raise StudioError(
                f"The demo slides can't be copied to '{target}' ({error.strerror or error}). Choose another folder."
            ) from error
        with Project.open(slides) as project:
            use_model(project, MODEL)
    return slides
