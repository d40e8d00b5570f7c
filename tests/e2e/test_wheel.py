"""The wheel works as installed: in an empty environment, in a folder with modules of the same names."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from unet_studio import paths
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import proposed_planes

ROOT = Path(__file__).resolve().parents[2]
TRAPS = ("training.py", "numpy.py", "unet_studio.py", "keras.py", "json.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds and installs the wheel"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run("uv", "build", "--wheel", "--out-dir", str(out), cwd=ROOT)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_one_top_level_name_and_the_content(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"unet_studio"}
    for needed in (
        "_recipes/retrain.toml",
        "_resources/models/nuclei-fluorescence/model.keras",
        "_resources/style.qss",
    ):
        assert f"unet_studio/{needed}" in names


def test_an_installed_program_proposes_in_a_folder_of_traps(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run("uv", "venv", "--python", sys.executable, str(environment), cwd=tmp_path)
    run("uv", "pip", "install", "--python", str(python), str(wheel), cwd=tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    for trap in TRAPS:
        (folder / trap).write_text("raise SystemExit('a trap was imported')")
    shutil.copy(paths.resources() / "demo" / "slides" / "nerve-1.png", folder)

    program = python.with_name("unet-studio")
    answer = run(str(program), "propose", ".", "--model", "axon-myelin", "--json", cwd=folder)
    assert json.loads(answer)["proposed"] == 1
    assert proposed_planes(folder / "unet-studio", "axon-myelin") == {PlaneId("nerve-1.png")}

    worker = subprocess.run(
        [str(python), "-P", "-m", "unet_studio.worker"], input=b"", capture_output=True, cwd=folder, timeout=120
    )
    assert b"trap" not in worker.stderr
    assert worker.returncode == 0


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
