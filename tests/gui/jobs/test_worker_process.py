"""The worker as a process: the real one, one with jobs made for a test, and some that misbehave."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from unet_studio.gui.jobs.worker_process import WorkerProcess
from unet_studio.protocol.messages import VERSION, Ready
from unet_studio.protocol.values import PlaneProposed, Proposed, ProposeJob, RetrainJob

NO_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
REAL = [sys.executable, "-P", "-m", "unet_studio.worker"]

MADE_FOR_A_TEST = (Path(__file__).parents[2] / "worker" / "scripted_worker.py").read_text(encoding="utf-8")

SILENT = "import sys\nfor line in sys.stdin: pass"
GARBLED = """
import os, sys
from unet_studio.protocol.messages import VERSION, Finished, Ready, encode
from unet_studio.protocol.values import Proposed
out = sys.stdout.buffer
out.write(encode(Ready(VERSION, "CPU", "test", "none", "It is a test.")))
out.flush()
for line in sys.stdin:
    out.write(os.environ.get("LINE", "").encode() + b"\\n" + encode(Finished(1, Proposed("noisy", 1))))
    out.flush()
"""
"""Says a line that it was given, then answers every request."""
VAGUE = f"""
print('{{"method": "ready", "params": {{"version": {VERSION}}}}}', flush=True)
input()
"""
ENDLESS = "import sys\nwhile True: sys.stdout.write('a' * 65536)"
FUTURE = f"""
import sys
print('{{"method": "ready", "params": {{"version": {VERSION + 1}, "kind": "CPU", "colour": "new"}}}}', flush=True)
sys.stdin.read()
"""


NOISE = Proposed("noisy", 1)
"""What the noisy job gives."""


class TestAsTheWindowSeesIt:
    """Every request ends with exactly one of `finished` and `failed`, whatever becomes of the process."""

    @pytest.fixture
    def make(self, qtbot: QtBot) -> Iterator[Callable[..., WorkerProcess]]:
        made = []

        def make_worker(command: list[str] | str, **attributes: Any) -> WorkerProcess:
            worker = WorkerProcess()
            worker.command = command if isinstance(command, list) else [sys.executable, "-P", "-c", command]
            if line := attributes.pop("environment_line", ""):
                environment = worker._process.processEnvironment()
                environment.insert("LINE", line)
                worker._process.setProcessEnvironment(environment)
            for name, value in attributes.items():
                setattr(worker, name, value)
            made.append(worker)
            return worker

        yield make_worker
        for worker in made:
            worker.stop()
            assert not worker.is_running

    def job(self, model: str) -> ProposeJob:
        return ProposeJob("", "", model, ())

    def test_a_request_starts_it_and_is_answered(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST)
        told: list[Any] = []
        worker.ready.connect(told.append)
        worker.happened.connect(lambda *event: told.append(event))
        assert not worker.is_running
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            number = worker.request(self.job("noisy"))
        assert finished.args == [number, NOISE]
        assert told == [
            Ready(VERSION, "CPU", "test", "none", "It is a test."),
            (number, PlaneProposed("a.png", 0, "noisy")),
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
        assert answers[second] == NOISE
        assert "unexpected error" in answers[third], "the test's jobs know no retraining"

    def test_cancelling_ends_a_request_with_an_answer(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST)
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            number = worker.request(self.job("patient"))
        with qtbot.waitSignal(worker.stopped, timeout=20_000) as stopped:
            worker.cancel(number)
        assert stopped.args == [number, "stopped as asked"]
        assert worker.is_running

    def busy_with(self, qtbot: QtBot, worker: WorkerProcess, model: str) -> int:
        """The number of a request that the worker is at work on."""
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            return worker.request(self.job(model))

    @pytest.mark.parametrize("model", ["deaf", pytest.param("hung", marks=NO_WINDOWS)])
    def test_a_worker_that_does_not_stop_when_asked_to_is_killed_after_a_while_and_told(
        self, qtbot: QtBot, make: Any, model: str
    ) -> None:
        worker = make(MADE_FOR_A_TEST, cancel_seconds=0.5)
        died: list[str] = []
        failures: list[Any] = []
        worker.died.connect(died.append)
        worker.failed.connect(lambda *failure: failures.append(failure))
        number = self.busy_with(qtbot, worker, model)
        started = time.monotonic()
        with qtbot.waitSignal(worker.stopped, timeout=20_000) as stopped:
            worker.cancel(number)
            assert worker.is_running, "it has time to stop by itself"
        assert 0.4 < time.monotonic() - started < 10
        assert stopped.args[0] == number
        assert "did not stop when it was asked to, so it was ended" in stopped.args[1]
        assert len(died) == 1
        assert failures == [], "what was asked for is no failure"
        assert not worker.is_running
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            second = worker.request(self.job("noisy"))
        assert finished.args == [second, NOISE]

    def test_a_worker_that_says_that_it_is_stopping_has_time_to(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST, cancel_seconds=0.8)
        number = self.busy_with(qtbot, worker, "finishing")
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            worker.cancel(number)
        assert finished.args == [number, Proposed("finishing", 1)]

    def test_who_asks_again_after_a_while_does_not_want_to_wait(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST, cancel_seconds=6)
        stopped: list[int] = []
        worker.stopped.connect(lambda number, _: stopped.append(number))
        number = self.busy_with(qtbot, worker, "deaf")
        worker.cancel(number)
        worker.cancel(number)  # a key that was pressed twice
        assert worker.is_running
        qtbot.wait(1100)
        worker.cancel(number)
        assert stopped == [number]
        assert not worker.is_running

    def test_what_the_worker_was_not_given_yet_ends_at_once(self, qtbot: QtBot, make: Any) -> None:
        worker = make(SILENT)
        stopped: list[Any] = []
        worker.stopped.connect(lambda *told: stopped.append(told))
        number = worker.request(self.job("noisy"))
        worker.cancel(number)
        assert stopped == [(number, "Stopped before it began; nothing has changed.")]
        assert worker.is_running, "it may go on loading"

    @pytest.mark.parametrize(
        "line",
        [
            '{"id":1,"method":"progress","params":{"":0.5,"text":"a.png"}}',
            '{"id":99999999999,"method":"progress","params":{"done":0.5,"text":"a"}}',
            "[" * 50_000,
            '{"id":1,"method":"event","params":{"name":"proposed"}}',
            '{"id":1,"method":"progress","params":{"done":1e999,"text":"a"}}',
            '{"id":1,"result":{"of":"propose","model":3}}',
            "a library prints",
            "",
        ],
        ids=["no done", "huge id", "deep", "no plane", "infinite", "an answer", "no JSON", "empty"],
    )
    def test_what_is_no_message_is_told_once_and_the_worker_is_restarted(
        self, qtbot: QtBot, make: Any, line: str
    ) -> None:
        worker = make(GARBLED, environment_line=line)
        told: list[Any] = []
        for ending in (worker.finished, worker.stopped, worker.failed):
            ending.connect(lambda *words: told.append(words))
        with qtbot.waitSignal(worker.failed, timeout=20_000):
            worker.request(self.job("any"))
        ((number, sentence),) = told
        assert number == 1
        assert sentence.startswith("The worker said something that can't be understood (")
        assert sentence.endswith("Nothing you painted is lost; press the button again to restart it.")
        assert len(sentence) < 700
        assert not worker.is_running
        worker.command = [sys.executable, "-P", "-c", MADE_FOR_A_TEST]
        with qtbot.waitSignal(worker.finished, timeout=20_000) as finished:
            second = worker.request(self.job("noisy"))
        assert finished.args == [second, NOISE]

    def test_a_line_without_an_end_is_not_waited_for(
        self, qtbot: QtBot, make: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("unet_studio.gui.jobs.worker_process._LONGEST_LINE", 1 << 20)
        worker = make(ENDLESS)
        with qtbot.waitSignal(worker.failed, timeout=20_000) as failed:
            worker.request(self.job("any"))
        assert "a line of more than 1 MB" in failed.args[1]
        assert not worker.is_running

    def test_a_worker_that_is_not_ready_in_a_way_that_is_understood_is_told_at_once(
        self, qtbot: QtBot, make: Any
    ) -> None:
        worker = make(VAGUE)
        with qtbot.waitSignal(worker.failed, timeout=20_000) as failed:
            worker.request(self.job("any"))
        assert "'params' lacks 'kind'" in failed.args[1]

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
        assert finished.args == [second, NOISE]

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
        assert finished.args[1] == NOISE

    def test_progress_keeps_a_long_job_alive(self, qtbot: QtBot, make: Any) -> None:
        worker = make(MADE_FOR_A_TEST, silence_seconds=60)
        with qtbot.waitSignal(worker.progress, timeout=20_000):
            number = worker.request(self.job("patient"))
        worker.silence_seconds = 1
        failures: list[str] = []
        worker.failed.connect(lambda _, sentence: failures.append(sentence))
        qtbot.wait(1500)
        assert failures == []
        with qtbot.waitSignal(worker.stopped, timeout=20_000):
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
        of_tensorflow = "I0000 00:00:1795883684.637364   24821 port.cc:153] oneDNN custom operations are on."
        worker = make(f"import sys; sys.stderr.write('No module named keras\\n{of_tensorflow}\\n'); sys.exit(1)")
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
