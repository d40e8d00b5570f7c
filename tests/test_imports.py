"""What a fresh interpreter loads: the window no Keras, the worker no Qt, the protocol nothing but Python's own."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest


@cache
def loaded_by(*modules: str) -> frozenset[str]:
    """The names of all top-level modules in an interpreter that imported these and nothing else."""
    lines = [f"import {module}" for module in modules]
    script = "\n".join([*lines, "import sys", "print('loaded:', *{name.partition('.')[0] for name in sys.modules})"])
    run = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return frozenset(run.stdout.partition("loaded:")[2].split())


NETWORK = {"keras", "tensorflow", "torch", "jax", "h5py"}
WINDOW = {"PySide6", "shiboken6", "pyqtgraph"}
LATER = {"skimage", "scipy", "pyqtgraph", "tifffile", "imagecodecs", "PIL", "pandas", "matplotlib"}
"""What takes long to load, and is loaded when a slide, a tool or a training first needs it."""


@pytest.mark.parametrize("module", ["unet_studio.gui.window.main_window", "unet_studio.app"])
def test_the_window_loads_no_keras(module: str) -> None:
    assert not loaded_by(module) & NETWORK


def test_the_window_is_loaded_by_the_window() -> None:
    assert "PySide6" in loaded_by("unet_studio.gui.window.main_window"), "so the other tests would see it"


def test_the_window_is_painted_before_slow_libraries_are_loaded(tmp_path: Path) -> None:
    script = """
import sys
from PySide6.QtWidgets import QApplication
from unet_studio.gui.controls.theme import apply_theme
from unet_studio.gui.window.main_window import MainWindow
app = QApplication([])
apply_theme(app)
window = MainWindow()
window.show()
assert not window.grab().isNull()
print("loaded:", *{name.partition(".")[0] for name in sys.modules})
"""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-P", "-c", script], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.partition("loaded:")[2].split())
    assert "PySide6" in loaded and not loaded & (LATER | NETWORK)


def test_slow_libraries_are_loaded_behind_the_window() -> None:
    script = """
import sys
from unet_studio.app import load_slow_libraries
load_slow_libraries().join()
print("loaded:", *{name.partition(".")[0] for name in sys.modules})
"""
    run = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True)
    assert run.returncode == 0 and not run.stderr, run.stderr
    loaded = set(run.stdout.partition("loaded:")[2].split())
    assert {"skimage", "scipy", "tifffile", "PIL"} <= loaded
    assert not loaded & (NETWORK | WINDOW), "these are for the thread of the window, or for the worker"


def test_the_worker_loads_no_window_and_listens_before_it_loads_keras() -> None:
    # What its jobs load with Keras, the tests of the real worker see.
    assert not loaded_by("unet_studio.worker.__main__") & (NETWORK | WINDOW)


def test_the_command_line_loads_neither_before_it_needs_them() -> None:
    assert not loaded_by("unet_studio.cli.app") & (NETWORK | WINDOW)


def test_the_protocol_needs_nothing_but_python() -> None:
    own = {"unet_studio", "__main__", "__mp_main__", "sitecustomize"}
    extras = {name for name in loaded_by("unet_studio.protocol.messages") if name not in sys.stdlib_module_names}
    # Hooks that an environment loads at every start (editable installs) are not the protocol's.
    assert extras - own <= {name for name in loaded_by() if name not in sys.stdlib_module_names}


@pytest.mark.parametrize(
    "chosen", [{}, {"TF_FORCE_GPU_ALLOW_GROWTH": "false", "XLA_PYTHON_CLIENT_PREALLOCATE": "true"}]
)
def test_no_process_takes_a_whole_card_unless_asked_to(chosen: dict[str, str]) -> None:
    names = ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE")
    others = {name: value for name, value in os.environ.items() if name not in names}
    program = f"import os, unet_studio.unet; print(*(os.environ[name] for name in {names}))"
    said = subprocess.run(
        [sys.executable, "-c", program], env=others | chosen, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ([chosen[name] for name in names] if chosen else ["true", "false"])


@pytest.mark.parametrize("module", ["unet_studio.core.project.store", "unet_studio.core.exchange.exporting"])
def test_the_core_loads_neither(module: str) -> None:
    assert not loaded_by(module) & (NETWORK | WINDOW)


@pytest.mark.parametrize(
    "module",
    [
        "unet_studio.core.workspace.workspace",
        "unet_studio.core.exchange.exporting",
        "unet_studio.core.editing.splitting",
    ],
)
def test_the_core_loads_without_what_it_seldom_needs(module: str) -> None:
    assert not loaded_by(module) & {"scipy", "skimage", "tifffile", "imagecodecs", "PIL"}
