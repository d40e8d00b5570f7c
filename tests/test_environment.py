"""What the program finds around it has no influence on what it does, or is named."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

STUDIO = [sys.executable, "-P", "-m", "unet_studio"]


def run(*command: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Run a program in this environment with some variables changed, or removed where they are None."""
    changed = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    return subprocess.run(command, env=changed, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "config",
    [
        json.dumps({"backend": "theano", "floatx": "float16", "epsilon": 1, "image_data_format": "channels_first"}),
        "{ not JSON",
    ],
)
def test_the_configuration_of_another_keras_has_no_influence(tmp_path: Path, config: str) -> None:
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(config)
    script = """
import unet_studio.unet.device
from keras import config
print("keras:", config.backend(), config.floatx(), config.epsilon(), config.image_data_format())
"""
    said = run(sys.executable, "-P", "-c", script, HOME=str(tmp_path), USERPROFILE=str(tmp_path), KERAS_BACKEND=None)
    assert "keras: tensorflow float32 1e-07 channels_last" in said.stdout, said.stderr
    assert (tmp_path / ".keras" / "keras.json").read_text() == config


def test_a_backend_that_is_none_is_named() -> None:
    said = run(sys.executable, "-P", "-c", "import unet_studio.unet", KERAS_BACKEND="theano")
    assert said.returncode == 1
    assert "KERAS_BACKEND is 'theano', and U-Net Studio doesn't run on that." in said.stderr
    assert "It may be tensorflow, jax or torch" in said.stderr


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed here")
def test_a_backend_that_is_not_installed_is_named(tmp_path: Path) -> None:
    said = run(*STUDIO, "doctor", KERAS_BACKEND="torch")
    assert said.returncode == 1
    assert "KERAS_BACKEND is 'torch', and that isn't installed here." in said.stdout
    assert "Traceback" not in said.stdout + said.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_it_says_what_else_can_be_done(tmp_path: Path) -> None:
    said = run(*STUDIO, str(tmp_path), DISPLAY=None, WAYLAND_DISPLAY=None, QT_QPA_PLATFORM=None)
    assert said.returncode == 1
    assert "There is no display" in said.stderr and "unet-studio --help" in said.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_an_output_that_lacks_a_letter_loses_no_answer(tmp_path: Path, as_json: bool) -> None:
    for kind, value in (("slides", 90), ("truth", 1)):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "細胞é.png"), np.full((32, 32), value, np.uint8))
    run(*STUDIO, "import", str(tmp_path / "slides"), "--masks", str(tmp_path / "truth"))
    options = ["--json"] if as_json else []
    said = run(
        *STUDIO, "evaluate", str(tmp_path / "slides"), "--truth", str(tmp_path / "truth"), *options,
        PYTHONIOENCODING="ascii", PYTHONUTF8="0",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    if as_json:
        assert [slide["slide"] for slide in json.loads(said.stdout)["slides"]] == ["細胞é.png"]
    else:
        assert r"\u7d30\u80de\xe9.png" in said.stdout and "1.0000" in said.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the folder that nobody can write in is Linux's")
def test_a_home_that_cant_be_written_is_no_obstacle(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((32, 32), 90, np.uint8))
    script = f"""
from pathlib import Path
from PySide6.QtCore import QTimer
from unet_studio import app
from unet_studio.gui.window.main_window import MainWindow
opening = MainWindow.open_folder
def open_and_leave(window, folder):
    opening(window, folder)
    print("slides:", *window.session.workspace.slides)
    QTimer.singleShot(0, window.close)
MainWindow.open_folder = open_and_leave
raise SystemExit(app.open_window(Path({str(tmp_path)!r})))
"""
    homes = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"))
    said = run(sys.executable, "-P", "-c", script, HOME="/proc/nobody", QT_QPA_PLATFORM="offscreen", **homes)
    assert said.returncode == 0 and "slides: a.png" in said.stdout, said.stderr
    assert "Traceback" not in said.stderr
