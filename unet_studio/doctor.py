"""The doctor: what is installed here, what is missing, and how fast this computer is."""

import ctypes
import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from unet_studio import __version__
from unet_studio.core.models.cards import bundled_models
from unet_studio.errors import StudioError

_PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python-headless", "scikit-image", "tifffile", "PySide6-Essentials")
_QT_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libEGL.so.1": "libegl1",
    "libOpenGL.so.0": "libopengl0",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
}
"""What Qt's xcb platform loads and a bare Debian lacks, with the package that has it."""


@dataclass(frozen=True, slots=True)
class Network:
    """What the network runs on and why, and the seconds for a 512 × 512 proposal and for a training step.

    The seconds are None where no starter model is installed to measure with.
    """

    device: str
    kind: str
    backend: str
    reason: str
    model: str
    proposal_seconds: float | None
    step_seconds: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that the doctor found; `network` is None where `problem` says why it can't be loaded."""

    versions: dict[str, str]
    platform: str
    cores: int
    missing_packages: tuple[str, ...]
    network: Network | None
    problem: str


def examine() -> Report:
    """Look at everything; takes about half a minute on two cores."""
    network, problem = None, ""
    try:
        network = _examine_network()
    except StudioError as error:
        problem = str(error)
    except Exception as error:  # a broken installation fails in ways that can't be listed
        problem = f"The network can't be loaded ({type(error).__name__}: {error}). Install unet-studio again."
    return Report(
        versions={"unet-studio": __version__, "python": platform.python_version()}
        | {name: _version(name) for name in _PACKAGES},
        platform=platform.platform(),
        cores=os.cpu_count() or 1,
        missing_packages=missing_packages() if sys.platform == "linux" else (),
        network=network,
        problem=problem,
    )


def missing_packages() -> tuple[str, ...]:
    """The Debian packages of the libraries that Qt's window needs and this computer lacks."""
    return tuple(package for library, package in _QT_LIBRARIES.items() if not _loads(library))


def _examine_network() -> Network:
    from unet_studio.unet.device import find_device
    from unet_studio.unet.measuring import measure_speed
    from unet_studio.unet.recipes import load_recipe

    device = find_device()
    card = next(iter(bundled_models()), None)
    if card is None:
        return Network(device.name, device.kind, device.backend, device.reason, "", None, None)
    speed = measure_speed(card, load_recipe("retrain"))
    return Network(device.name, device.kind, device.backend, device.reason, card.id, speed.proposal, speed.step)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
