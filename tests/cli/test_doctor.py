"""`doctor` measures, and names what is missing."""

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from unet_studio import doctor
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.log import log_folder

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


def test_the_doctor_measures_and_names_what_is_missing(
    run: Run, ask: Ask, monkeypatch: pytest.MonkeyPatch, bright: ModelCard
) -> None:
    monkeypatch.setattr(doctor, "bundled_models", lambda: [bright])
    monkeypatch.setattr(doctor, "_QT_LIBRARIES", {"libc.so.6": "libc6", "libnowhere.so.9": "libnowhere9"})
    content = ask("doctor")
    assert content["versions"]["unet-studio"]
    assert content["network"]["proposal_seconds"] > 0
    assert content["network"]["step_seconds"] > 0
    if sys.platform == "linux":
        assert content["missing_packages"] == ["libnowhere9"]
        assert "sudo apt-get install libnowhere9" in run("doctor").stdout


def test_a_network_that_cant_be_loaded_is_a_finding(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("a part is missing")

    monkeypatch.setattr(doctor, "_examine_network", fail)
    assert "a part is missing" in ask("doctor", exit_code=1)["problem"]


class TestBundle:
    """`doctor --bundle`: what helps to find out what went wrong, and no pixels."""

    @pytest.fixture(autouse=True)
    def prepare(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise ImportError("a part is missing")

        monkeypatch.setattr(doctor, "_examine_network", fail)
        for name in ("XDG_STATE_HOME", "LOCALAPPDATA", "HOME"):
            monkeypatch.setenv(name, str(tmp_path / "home"))
        log_folder().mkdir(parents=True)
        (log_folder() / "2026-01-01T00-00-00-1.log").write_text("what happened")

    def test_it_has_the_answer_the_logs_and_facts_about_the_project(
        self, ask: Ask, folder: Path, tmp_path: Path, project: Project, paint: Paint, truths: Truths, bright: ModelCard
    ) -> None:
        paint("a.png", truths["a.png"])
        shutil.copytree(bright.folder, project.place / "models" / "mine")
        file = tmp_path / "help.zip"
        content = ask("doctor", "--bundle", file, "--folder", folder, exit_code=1)
        assert content["bundle"] == str(file)
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            assert archive.read("log/2026-01-01T00-00-00-1.log") == b"what happened"
            facts = json.loads(archive.read("project.json"))
            assert json.loads(archive.read("doctor.json"))["versions"] == content["versions"]
        assert names == {
            "doctor.json", "log/2026-01-01T00-00-00-1.log", "project.json", "models/mine/card.toml",
            "models/mine/history.csv",
        }  # fmt: skip
        assert facts["slides"] == {".png": 3, "left out": 0}
        assert facts["store"]["check"] == ["ok"] and facts["store"]["rows"]["edit"] == 1

    def test_a_damaged_project_is_packed_as_what_it_is(self, ask: Ask, folder: Path, tmp_path: Path) -> None:
        (folder / PLACE_NAME).mkdir()
        (folder / PLACE_NAME / "project.sqlite").write_bytes(b"no database, but long enough to be one" * 100)
        ask("doctor", "--bundle", tmp_path / "help.zip", "--folder", folder, exit_code=1)
        with zipfile.ZipFile(tmp_path / "help.zip") as archive:
            assert "not a database" in json.loads(archive.read("project.json"))["store"]

    def test_it_is_not_written_over_a_file(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "help.zip").write_text("mine")
        result = run("doctor", "--bundle", tmp_path / "help.zip")
        assert result.exit_code == 1 and "nothing is written over it" in result.stderr
        assert (tmp_path / "help.zip").read_text() == "mine"
