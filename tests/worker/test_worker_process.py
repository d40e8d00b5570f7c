"""The worker as a process: the real one, one with jobs made for a test, and some that misbehave."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, to_mask
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import PLACE_NAME
from unet_studio.core.tiles import Box
from unet_studio.gui.jobs.worker_process import WorkerProcess
from unet_studio.worker.protocol import VERSION, Message, ProposeJob, Ready, RetrainJob, decode

REAL = [sys.executable, "-P", "-m", "unet_studio.worker"]

MADE_FOR_A_TEST = """
import os, sys, time, types
from unet_studio.errors import Cancelled, StudioError

def noisy(listener):
    os.write(1, b"a C library says hello\\n")
    print("a Python library says hello", flush=True)
    listener.event("proposed", slide="a.png")
    return {"said": True}

def patient(listener):
    while not listener.cancelled():
        listener.progress(0.5, "waiting")
        time.sleep(0.01)
    raise Cancelled("stopped as asked")

def failing(error):
    def fail(listener):
        raise error
    return fail

BEHAVIOUR = {
    "noisy": noisy, "patient": patient,
    "refusing": failing(StudioError("That is not possible; do this instead.")),
    "hungry": failing(MemoryError()), "broken": failing(ValueError("one\\ntwo")),
}

class Jobs:
    def propose(self, job, listener):
        return BEHAVIOUR[job.model](listener)

sys.modules["unet_studio.worker.jobs"] = types.SimpleNamespace(Jobs=Jobs)
sys.modules["unet_studio.unet.device"] = types.SimpleNamespace(
    find_device=lambda: types.SimpleNamespace(kind="CPU", name="test", backend="none", reason="It is a test.")
)
from unet_studio.worker.__main__ import main
main()
"""
"""The worker's own main loop, with jobs that need no Keras."""

SILENT = "import sys\nfor line in sys.stdin: pass"
FUTURE = f"""
import sys
print('{{"method": "ready", "params": {{"version": {VERSION + 1}, "kind": "CPU", "colour": "new"}}}}', flush=True)
sys.stdin.read()
"""


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
        self.write(b"".join(message.encode() for message in messages))

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
        while (message := self.next()).id != request or message.method:
            before.append(message)
        return message, before


def propose(number: int, model: str, **params: Any) -> Message:
    job = {"folder": "", "place": "", "planes": [], **params, "model": model}
    return Message(number, "propose", job)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipe]:
    # Python itself says on stderr what it imports.
    command = [sys.executable, "-X", "importtime", *REAL[1:]]
    with Pipe(command, tmp_path_factory.mktemp("real") / "errors.txt") as pipe:
        yield pipe


class TestTheRealWorker:
    """One process that owns Keras, through one life: each test goes on where the one before it ended."""

    def test_the_first_thing_it_says_is_what_it_is(self, real: Pipe) -> None:
        message = real.next()
        assert message.method == "ready"
        ready = Ready(**message.params)
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
        planes = [["a.png", -1], ["größe 😐.png", -1], ["b.png", 0]]
        real.send(propose(1, str(bright.folder), folder=str(folder), place=str(place), planes=planes))
        answer, before = real.until_answer(1)
        assert answer.result == {"proposed": 2, "skipped": 0, "failed": 1, "model": "bright"}
        events = [message.params for message in before if message.method == "event"]
        assert [(event["name"], event["slide"]) for event in events] == [
            ("proposed", "a.png"), ("failed", "größe 😐.png"), ("proposed", "b.png")
        ]  # fmt: skip
        assert "größe 😐.png" in events[1]["reason"]
        assert {message.id for message in before} == {1}
        for slide in ("a.png", "b.png"):
            proposal = find_proposal(place, "bright", PlaneId(slide))
            assert proposal is not None
            np.testing.assert_array_equal(to_mask(proposal.read(Box(0, 0, 64, 64))), truths[slide])

    def test_a_model_that_is_not_there_is_answered_in_a_sentence(self, real: Pipe, folder: Path) -> None:
        real.send(propose(2, "missing", folder=str(folder), place=str(folder / PLACE_NAME)))
        assert real.until_answer(2)[0].error.startswith("There is no model 'missing'.")

    def test_it_stops_when_asked_and_keeps_what_is_finished(self, real: Pipe, folder: Path, bright: ModelCard) -> None:
        planes = [["a.png", 0]] * 3000
        place = str(folder / PLACE_NAME)
        real.send(propose(3, str(bright.folder), folder=str(folder), place=place, planes=planes, overwrite=True))
        while real.next().method != "event":
            pass
        real.send(Message(3, "cancel"))
        answer, _ = real.until_answer(3)
        assert answer.result is not None
        assert answer.result["cancelled"] is True
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
        with Pipe([sys.executable, "-P", "-c", MADE_FOR_A_TEST], tmp_path / "errors.txt") as pipe:
            assert pipe.next().method == "ready"
            yield pipe

    def test_what_libraries_print_never_reaches_the_window(self, pipe: Pipe, tmp_path: Path) -> None:
        pipe.send(propose(1, "noisy"))
        assert pipe.next() == Message(1, "event", {"name": "proposed", "slide": "a.png"})
        assert pipe.next() == Message(1, result={"said": True})
        errors = (tmp_path / "errors.txt").read_text()
        assert "a C library says hello" in errors
        assert "a Python library says hello" in errors

    def test_every_error_is_a_sentence_and_the_worker_goes_on(self, pipe: Pipe, tmp_path: Path) -> None:
        pipe.send(
            propose(1, "refusing"),
            propose(2, "hungry"),
            propose(3, "broken"),
            Message(4, "dance"),
            propose(5, "noisy", unknown=1),
            propose(6, "noisy"),
        )
        errors = [pipe.until_answer(number)[0].error for number in range(1, 7)]
        assert errors[0] == "That is not possible; do this instead."
        assert errors[1].startswith("The network ran out of memory. Close other programs")
        assert errors[2] == "The worker met an unexpected error (ValueError: one\ntwo)."
        assert errors[3] == "The worker knows no job 'dance'."
        assert "unknown" in errors[4]
        assert errors[5] == ""
        assert "Traceback" in (tmp_path / "errors.txt").read_text(), "the whole story must be in the log"

    def test_one_request_is_cancelled_and_the_next_is_not(self, pipe: Pipe) -> None:
        pipe.send(propose(1, "patient"), propose(2, "noisy"), Message(1, "cancel"))
        assert pipe.until_answer(1)[0].result == {"cancelled": True, "message": "stopped as asked"}
        assert pipe.until_answer(2)[0].result == {"said": True}

    def test_a_request_can_be_cancelled_before_its_turn(self, pipe: Pipe) -> None:
        pipe.send(propose(1, "patient"), propose(2, "patient"), Message(2, "cancel"), Message(1, "cancel"))
        assert pipe.until_answer(1)[0].result == {"cancelled": True, "message": "stopped as asked"}
        assert pipe.until_answer(2)[0].result == {"cancelled": True, "message": "stopped as asked"}

    def test_a_line_that_is_no_message_is_passed_over(self, pipe: Pipe) -> None:
        pipe.write(b"hello\n\xff\n")
        pipe.send(propose(1, "noisy"))
        assert pipe.until_answer(1)[0].result == {"said": True}

    def test_it_leaves_at_once_in_the_middle_of_a_job_when_stdin_closes(self, pipe: Pipe) -> None:
        pipe.send(propose(1, "patient"))
        assert pipe.next().method == "progress"
        assert pipe.process.stdin is not None
        pipe.process.stdin.close()
        assert pipe.process.wait(10) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has priority classes instead")
def test_a_retraining_can_run_at_low_priority(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", MADE_FOR_A_TEST, "--low-priority"]
    with Pipe(command, tmp_path / "errors.txt") as pipe:
        assert pipe.next().method == "ready"
        assert os.getpriority(os.PRIO_PROCESS, pipe.process.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


class TestAsTheWindowSeesIt:
    """Every request ends with exactly one of `finished` and `failed`, whatever becomes of the process."""

    @pytest.fixture
    def make(self, qtbot: QtBot) -> Iterator[Callable[..., WorkerProcess]]:
        made = []

        def make_worker(command: list[str] | str, **attributes: Any) -> WorkerProcess:
            worker = WorkerProcess()
            worker.command = command if isinstance(command, list) else [sys.executable, "-P", "-c", command]
            for name, value in attributes.items():
                setattr(worker, name, value)
            made.append(worker)
            return worker

        yield make_worker
        for worker in made:
            worker.stop()
            assert not worker.is_running

    def job(self, model: str) -> ProposeJob:
        return ProposeJob("", "", model, [])

    def test_a_request_starts_it_and_is_answered(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST)
        told: list[Any] = []
        worker.ready.connect(told.append)
        worker.happened.connect(lambda *event: told.append(event))
        assert not worker.is_running
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            number = worker.request(self.job("noisy"))
        assert finished.args == [number, {"said": True}]
        assert told == [
            Ready(VERSION, "CPU", "test", "none", "It is a test."),
            (number, "proposed", {"slide": "a.png"}),
        ]

    def test_requests_are_answered_under_their_numbers(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST)
        answers: dict[int, Any] = {}
        worker.finished.connect(answers.__setitem__)
        worker.failed.connect(answers.__setitem__)
        first, second = worker.request(self.job("refusing")), worker.request(self.job("noisy"))
        third = worker.request(RetrainJob("", "", ""))
        qtbot.waitUntil(lambda: len(answers) == 3, timeout=20_000)
        assert answers[first] == "That is not possible; do this instead."
        assert answers[second] == {"said": True}
        assert "unexpected error" in answers[third], "the test's jobs know no retraining"

    def test_cancelling_ends_a_request_with_an_answer(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST)
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            number = worker.request(self.job("patient"))
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            worker.cancel(number)
        assert finished.args == [number, {"cancelled": True, "message": "stopped as asked"}]

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
    def test_a_killed_worker_is_told_in_a_sentence_and_the_next_request_restarts_it(
        self, qtbot: QtBot, make: Any
    ) -> None:
        worker = make(MADE_FOR_A_TEST)
        died: list[str] = []
        worker.died.connect(died.append)
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            first = worker.request(self.job("patient"))
        with qtbot.waitSignal(worker.failed, timeout=20_000) as failed:
            os.kill(worker._process.processId(), signal.SIGKILL)
        assert failed.args[0] == first
        assert "The worker was ended by the system, perhaps because memory ran out" in failed.args[1]
        assert "Nothing you painted is lost; press the button again to restart it." in failed.args[1]
        assert died == [failed.args[1]]
        assert not worker.is_running
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            second = worker.request(self.job("noisy"))
        assert finished.args == [second, {"said": True}]

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
    def test_the_real_worker_can_be_killed_and_stopped_while_it_loads_keras(self, qtbot: QtBot, make: Any) -> None:
        worker = make(REAL)
        with qtbot.waitSignal(worker.failed, timeout=20_000):
            worker.request(self.job("noisy"))
            qtbot.waitUntil(lambda: worker._process.processId() > 0, timeout=20_000)
            os.kill(worker._process.processId(), signal.SIGKILL)
        worker.request(self.job("noisy"))
        qtbot.waitUntil(lambda: worker._process.processId() > 0, timeout=20_000)
        worker.stop()
        assert not worker.is_running

    def test_a_worker_that_never_answers_is_killed_and_told(self, qtbot: QtBot, make: Any) -> None:
        worker = make(SILENT, silence_seconds=1)
        failures: list[tuple[int, str]] = []
        worker.failed.connect(lambda *failure: failures.append(failure))
        number = worker.request(self.job("noisy"))
        qtbot.waitUntil(lambda: bool(failures), timeout=20_000)
        assert failures == [(number, failures[0][1])]
        assert failures[0][1].startswith("The worker has not answered for 1 seconds and was stopped.")
        assert not worker.is_running

    def test_a_request_made_in_answer_to_a_failure_gets_a_worker_of_its_own(self, qtbot: QtBot, make: Any) -> None:
        worker = make(SILENT, silence_seconds=1)

        def try_again(*_: Any) -> None:
            worker.failed.disconnect()
            worker.command = [sys.executable, "-P", "-c", MADE_FOR_A_TEST]
            worker.silence_seconds = 60
            worker.request(self.job("noisy"))

        worker.failed.connect(try_again)
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            worker.request(self.job("noisy"))
        assert finished.args[1] == {"said": True}

    def test_progress_keeps_a_long_job_alive(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST, silence_seconds=60)
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            number = worker.request(self.job("patient"))
        worker.silence_seconds = 1
        failures: list[str] = []
        worker.failed.connect(lambda _, sentence: failures.append(sentence))
        qtbot.wait(1500)
        assert failures == []
        with qtbot.waitSignal(worker.finished, timeout=20_000):
            worker.cancel(number)

    def test_a_worker_of_another_version_is_refused_once(self, qtbot: QtBot, make: Any) -> None:
        worker = make(FUTURE)
        died: list[str] = []
        worker.died.connect(died.append)
        with qtbot.waitSignal(worker.failed, timeout=20_000) as failed:
            worker.request(self.job("noisy"))
        assert f"speaks version {VERSION + 1} of the protocol, this window version {VERSION}" in failed.args[1]
        assert "Install the same U-Net Studio on both sides." in failed.args[1]
        qtbot.waitUntil(lambda: not worker.is_running, timeout=20_000)
        qtbot.wait(50)
        assert died == [failed.args[1]]

    def test_a_worker_that_cannot_be_started_is_named(self, qtbot: QtBot, make: Any, tmp_path: Path) -> None:
        program = str(tmp_path / "no-such-program")
        worker = make([program])
        failures: list[tuple[int, str]] = []
        worker.failed.connect(lambda *failure: failures.append(failure))
        number = worker.request(self.job("noisy"))
        assert failures == [], "told before the caller has the request's number"
        qtbot.waitUntil(lambda: bool(failures), timeout=20_000)
        assert failures[0][0] == number
        assert "The worker could not be started" in failures[0][1]
        assert program in failures[0][1]
        worker.command = [sys.executable, "-P", "-c", MADE_FOR_A_TEST]
        with qtbot.waitSignal(worker.finished, timeout=20_000):
            worker.request(self.job("noisy"))

    def test_a_worker_that_ends_by_itself_leaves_its_last_words(self, qtbot: QtBot, make: Any) -> None:
        worker = make("import sys; sys.exit('No module named keras')")
        with qtbot.waitSignal(worker.failed, timeout=20_000) as failed:
            worker.request(self.job("noisy"))
        assert "The worker ended by itself (exit code 1)." in failed.args[1]
        assert failed.args[1].endswith("Its last words: No module named keras")

    def test_what_else_is_on_its_stdout_does_no_harm(self, qtbot: QtBot, make: Any) -> None:
        greeting = "print('Welcome to gpu-host')\nprint('[1, 2]', flush=True)\n"
        worker = make(greeting + MADE_FOR_A_TEST)
        with qtbot.waitSignal(worker.finished, timeout=20_000):
            worker.request(self.job("noisy"))

    def test_a_worker_that_is_stopped_says_no_more(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST)
        told: list[Any] = []
        for ending in (worker.finished, worker.failed, worker.died):
            ending.connect(lambda *words: told.append(words))
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            worker.request(self.job("patient"))
        worker.stop()
        assert not worker.is_running
        qtbot.wait(50)
        assert told == []
