"""The commands are listed, quick to ask for help, and say in a sentence what they can't do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from unet_studio.__main__ import COMMANDS
from unet_studio.cli.app import app
from unet_studio.core.models.cards import ModelCard

Run = Callable[..., Result]
Refused = Callable[..., str]


def test_every_command_is_listed_and_has_help(run: Run) -> None:
    listing = run("--help").stdout
    for command in COMMANDS:
        assert f"  {command} " in listing
        assert run(command, "--help").exit_code == 0


def test_a_wrong_option_is_a_usage_error(run: Run, folder: Path) -> None:
    for arguments in (["nothing"], ["export", folder], ["export", folder, "--out", "x", "--format", "gif"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("Usage:")
    assert run("models", folder, "use").exit_code == 2


def test_too_little_memory_is_a_sentence(
    refused: Refused, folder: Path, bright: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr("unet_studio.worker.jobs.Jobs.propose", fail)
    said = refused("propose", folder, "--model", bright.folder)
    assert said.startswith("The network ran out of memory. Close other programs")


def test_a_process_of_its_own_writes_one_json_object_and_nothing_else(folder: Path, bright: ModelCard) -> None:
    command = [sys.executable, "-m", "unet_studio", "propose", str(folder), "--model", str(bright.folder), "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["proposed"] == 3
    assert process.stderr == ""


def test_help_doesnt_wait_for_keras() -> None:
    code = "import sys, unet_studio.cli.app; sys.exit(bool({'keras', 'tensorflow', 'PySide6'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_the_entry_point_knows_every_command_so_that_none_is_taken_for_a_folder() -> None:
    assert set(COMMANDS) == {command.name for command in app.registered_commands}
