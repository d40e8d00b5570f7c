"""The worker as a process, at the other end of its pipe: the real one, and one with jobs made for a test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, to_mask
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import PLACE_NAME
from unet_studio.core.tiles import Box
from unet_studio.protocol.messages import (
    VERSION,
    Cancel,
    Failed,
    Finished,
    Happened,
    Message,
    Ready,
    Report,
    Request,
    Stopped,
    decode,
    encode,
)
from unet_studio.protocol.values import PlaneProposed, Proposed, ProposeJob, SlideFailed

REAL = [sys.executable, "-P", "-m", "unet_studio.worker"]
SCRIPTED = [sys.executable, "-P", str(Path(__file__).with_name("scripted_worker.py"))]


class Pipe:
    """The window's end of a worker's pipe, without Qt."""

    def __init__(self, command: list[str], errors: Path) -> None:
        self.errors = errors
        self._errors = errors.open("wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            assert stream is not None
            stream.close()

    def send(self, *messages: Message) -> None:
        self.write(b"".join(encode(message) for message in messages))

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next(self) -> Message:
        assert self.process.stdout is not None
        return decode(self.process.stdout.readline())

    def until_answer(self, request: int) -> tuple[Message, list[Message]]:
        """The answer to a request, and what was said before it."""
        before = []
        while not isinstance(message := self.next(), Finished | Stopped | Failed) or message.id != request:
            before.append(message)
        return message, before


NOISE = Proposed("noisy", 1)
"""What the noisy job gives."""


def propose(number: int, model: str, **params: Any) -> Request:
    job = {"folder": "", "place": "", "planes": (), **params, "model": model}
    return Request(number, ProposeJob(**job))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipe]:
    # Python itself says on stderr what it imports.
    command = [sys.executable, "-X", "importtime", *REAL[1:]]
    with Pipe(command, tmp_path_factory.mktemp("real") / "errors.txt") as pipe:
        yield pipe


class TestTheRealWorker:
    """One process that owns Keras, kept for all tests: each goes on where the one before it ended."""

    def test_the_first_thing_it_says_is_what_it_is(self, real: Pipe) -> None:
        ready = real.next()
        assert isinstance(ready, Ready)
        assert ready.version == VERSION
        assert ready.kind in ("CPU", "GPU")
        assert ready.device
        assert ready.backend
        assert ready.reason.endswith(".")

    def test_it_proposes_and_tells_of_a_slide_that_it_cannot_read(
        self, real: Pipe, folder: Path, bright: ModelCard, truths: dict[str, NDArray[np.uint8]]
    ) -> None:
        place = folder / PLACE_NAME
        (folder / "größe 😐.png").write_bytes(b"no picture")
        planes = (("a.png", -1), ("größe 😐.png", -1), ("b.png", 0))
        real.send(propose(1, str(bright.folder), folder=str(folder), place=str(place), planes=planes))
        answer, before = real.until_answer(1)
        assert answer == Finished(1, Proposed("bright", proposed=2, skipped=0, failed=1))
        events = [message.event for message in before if isinstance(message, Happened)]
        assert [(type(event), event.slide) for event in events] == [
            (PlaneProposed, "a.png"), (SlideFailed, "größe 😐.png"), (PlaneProposed, "b.png")
        ]  # fmt: skip
        assert "größe 😐.png" in events[1].reason
        assert {message.id for message in before} == {1}
        for slide in ("a.png", "b.png"):
            proposal = find_proposal(place, "bright", PlaneId(slide))
            assert proposal is not None
            np.testing.assert_array_equal(to_mask(proposal.read(Box(0, 0, 64, 64))), truths[slide])

    def test_a_model_that_is_not_there_is_answered_in_a_sentence(self, real: Pipe, folder: Path) -> None:
        real.send(propose(2, "missing", folder=str(folder), place=str(folder / PLACE_NAME)))
        answer, _ = real.until_answer(2)
        assert isinstance(answer, Failed)
        assert answer.sentence.startswith("There is no model 'missing'.")

    def test_it_stops_when_asked_and_keeps_what_is_finished(self, real: Pipe, folder: Path, bright: ModelCard) -> None:
        planes = (("a.png", 0),) * 3000
        place = str(folder / PLACE_NAME)
        real.send(propose(3, str(bright.folder), folder=str(folder), place=place, planes=planes, overwrite=True))
        while not isinstance(real.next(), Happened):
            pass
        real.send(Cancel(3))
        answer, _ = real.until_answer(3)
        assert isinstance(answer, Stopped)
        assert find_proposal(folder / PLACE_NAME, "bright", PlaneId("a.png")) is not None

    def test_after_all_that_it_has_loaded_keras_and_no_part_of_the_window(self, real: Pipe) -> None:
        lines = real.errors.read_text(errors="replace").splitlines()
        loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
        assert {"keras", "unet_studio.worker.jobs"} <= loaded
        assert not {name for name in loaded if name.startswith(("PySide6", "pyqtgraph", "unet_studio.gui"))}

    def test_it_leaves_when_nobody_listens_any_more(self, real: Pipe) -> None:
        assert real.process.stdin is not None
        real.process.stdin.close()
        assert real.process.wait(10) == 0


class TestTheLoop:
    """What the worker answers, whatever its jobs do."""

    @pytest.fixture
    def pipe(self, tmp_path: Path) -> Iterator[Pipe]:
        with Pipe(SCRIPTED, tmp_path / "errors.txt") as pipe:
            assert isinstance(pipe.next(), Ready)
            yield pipe

    def test_what_libraries_print_never_reaches_the_window(self, pipe: Pipe, tmp_path: Path) -> None:
        pipe.send(propose(1, "noisy"))
        assert pipe.next() == Happened(1, PlaneProposed("a.png", 0, "noisy"))
        assert pipe.next() == Finished(1, NOISE)
        errors = (tmp_path / "errors.txt").read_text()
        assert "a C library says hello" in errors
        assert "a Python library says hello" in errors

    def test_every_error_is_a_sentence_and_the_worker_goes_on(self, pipe: Pipe, tmp_path: Path) -> None:
        unknown = json.loads(encode(propose(5, "noisy")))
        unknown["params"]["unknown"] = 1
        pipe.send(propose(1, "refusing"), propose(2, "hungry"), propose(3, "broken"))
        pipe.write(b'{"id": 4, "method": "dance"}\n' + json.dumps(unknown).encode() + b"\n")
        pipe.send(propose(6, "noisy"))
        answers = [pipe.until_answer(number)[0] for number in range(1, 7)]
        errors = [answer.sentence if isinstance(answer, Failed) else "" for answer in answers]
        assert errors[0] == "That is not possible; do this instead."
        assert errors[1].startswith("The network ran out of memory. Close other programs")
        assert errors[2] == "The worker met an unexpected error (ValueError: one\ntwo)."
        assert errors[3] == "The worker knows no job 'dance'."
        assert "unknown" in errors[4]
        assert errors[5] == ""
        assert "Traceback" in (tmp_path / "errors.txt").read_text(), "the traceback must be in the log"

    def test_one_request_is_cancelled_and_the_next_is_not(self, pipe: Pipe) -> None:
        pipe.send(propose(1, "patient"), propose(2, "noisy"), Cancel(1))
        assert pipe.until_answer(1)[0] == Stopped(1, "stopped as asked")
        assert pipe.until_answer(2)[0] == Finished(2, NOISE)

    def test_a_request_can_be_cancelled_before_its_turn(self, pipe: Pipe) -> None:
        pipe.send(propose(1, "patient"), propose(2, "patient"), Cancel(2), Cancel(1))
        assert pipe.until_answer(1)[0] == Stopped(1, "stopped as asked")
        assert pipe.until_answer(2)[0] == Stopped(2, "stopped as asked")

    def test_a_line_that_is_no_message_is_passed_over(self, pipe: Pipe) -> None:
        pipe.write(b"hello\n\xff\n")
        pipe.send(propose(1, "noisy"))
        assert pipe.until_answer(1)[0] == Finished(1, NOISE)

    def test_it_leaves_at_once_in_the_middle_of_a_job_when_stdin_closes(self, pipe: Pipe) -> None:
        pipe.send(propose(1, "patient"))
        assert isinstance(pipe.next(), Report)
        assert pipe.process.stdin is not None
        pipe.process.stdin.close()
        assert pipe.process.wait(10) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has priority classes instead")
def test_a_retraining_can_run_at_low_priority(tmp_path: Path) -> None:
    command = [*SCRIPTED, "--low-priority"]
    with Pipe(command, tmp_path / "errors.txt") as pipe:
        assert isinstance(pipe.next(), Ready)
        assert os.getpriority(os.PRIO_PROCESS, pipe.process.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


@pytest.mark.parametrize(
    ("options", "of_the_user", "asked"), [([], None, "nothing"), (["--trains"], None, "1"), (["--trains"], "0", "0")]
)
def test_a_worker_that_trains_asks_tensorflow_for_onednn_unless_the_user_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], of_the_user: str | None, asked: str
) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if of_the_user is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", of_the_user)
    with Pipe([*SCRIPTED, *options], tmp_path / "errors.txt") as pipe:
        assert isinstance(pipe.next(), Ready)
        pipe.send(propose(1, "telling"))
        assert pipe.next() == Failed(1, asked)
