"""The demo: a folder of bundled slides with a starter model, and the whole loop on it without a window."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from unet_studio import paths
from unet_studio.core.model_choice import use_model
from unet_studio.core.project import PLACE_NAME, Project
from unet_studio.errors import StudioError
from unet_studio.worker.protocol import Listener, ProposeJob, RetrainJob

MODEL = "nuclei-fluorescence"
STEPS = "open:disk:1,fill-holes:0,remove-small:20"
_CORRECTED_SLIDES = 4


class Engine(Protocol):
    """Who proposes and retrains: `worker.jobs.Jobs`, which this module can't import since the window imports it."""

    def propose(self, job: ProposeJob, listener: Listener) -> dict[str, Any]: ...
    def retrain(self, job: RetrainJob, listener: Listener) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the loop came to. Dice is of the cleaned-up proposals, pooled over the pixels of the slides with a true
    mask: of those that nobody corrected, and of all; `before` and `after` the retraining."""

    folder: Path
    exported: Path
    corrected: tuple[str, ...]
    strokes: int
    dice_before: float
    dice_after: float
    all_dice_before: float
    all_dice_after: float
    retrained: dict[str, Any]
    seconds: dict[str, float]


def default_folder() -> Path:
    """Where the demo is kept for this user, by the custom of the system."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "unet-studio" / "demo"


def prepare_demo(target: Path | None = None) -> Path:
    """Make the folder of demo slides in `target` (by default `default_folder`), ready to propose; returns it.

    A demo that is there already stays as it is, with all that was painted in it. Raises StudioError where nothing can
    be written.
    """
    target = target or default_folder()
    slides = target / "slides"
    if not (slides / PLACE_NAME / "project.sqlite").exists():
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
