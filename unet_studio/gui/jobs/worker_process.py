"""The worker process as the window sees it: requests go in, progress and one answer come out, and an end is told."""

import os
import sys
from collections import deque
from dataclasses import asdict

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Qt, QTimer, Signal

from unet_studio.worker.protocol import VERSION, Message, ProposeJob, Ready, RetrainJob, decode

_SILENCE_SECONDS = 300
_GRACE_MS = 5000


class WorkerProcess(QObject):
    """One worker. It starts with the first request (or `start`), and again with the next one after it died.

    Every request ends with exactly one of `finished` and `failed`, also when the worker dies or falls silent.
    """

    ready = Signal(object)  # Ready
    progress = Signal(int, float, str)  # request, share done, what
    happened = Signal(int, str, dict)  # request, name, details
    finished = Signal(int, dict)
    failed = Signal(int, str)
    died = Signal(str)  # why there is no worker now

    def __init__(self, *, low_priority: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.command = [sys.executable, "-P", "-m", "unet_studio.worker"]
        """What is started; a user may set it to run the worker elsewhere."""
        self.silence_seconds = _SILENCE_SECONDS
        """A worker at work that says nothing for so long is taken for hung."""
        if low_priority:
            self.command.append("--low-priority")
        self._process = self._make_process()
        self._errors: deque[str] = deque(maxlen=30)
        self._next_request = 1
        self._open_requests: list[int] = []
        self._is_ready = False
        self._stopping = False
        self._waiting: list[bytes] = []
        self._silence = QTimer(self, singleShot=True)
        self._silence.timeout.connect(self._on_silence)

    @property
    def is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self) -> None:
        """Start the process, if it isn't running."""
        if self.is_running:
            return
        self._is_ready = self._stopping = False
        self._errors.clear()
        self._process.start(self.command[0], self.command[1:])

    def request(self, job: ProposeJob | RetrainJob) -> int:
        """Send a job; returns the request's number."""
        number = self._next_request
        self._next_request += 1
        self._open_requests.append(number)
        method = "propose" if isinstance(job, ProposeJob) else "retrain"
        self.start()
        self._send(Message(number, method, asdict(job)))
        self._silence.start(self.silence_seconds * 1000)
        return number

    def cancel(self, request: int) -> None:
        """Ask for a request to end; it still answers."""
        if request in self._open_requests:
            self._send(Message(request, "cancel"))

    def stop(self) -> None:
        """End the process: close its stdin, wait a little, then kill."""
        self._silence.stop()
        self._open_requests.clear()
        self._waiting.clear()
        self._stopping = True
        if self.is_running:
            self._process.closeWriteChannel()
            if not self._process.waitForFinished(_GRACE_MS):
                self._process.kill()
                self._process.waitForFinished(_GRACE_MS)

    def _make_process(self) -> QProcess:
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONIOENCODING", "utf-8")
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_stderr)
        process.finished.connect(self._on_finished)
        # Queued, since Windows tells of a failed start inside `start`, before the caller has its request's number.
        process.errorOccurred.connect(self._on_error, Qt.ConnectionType.QueuedConnection)
        return process

    def _send(self, message: Message) -> None:
        if self._is_ready:
            self._process.write(message.encode())
        else:
            self._waiting.append(message.encode())

    def _on_output(self) -> None:
        while self._process.canReadLine():
            line = bytes(self._process.readLine().data())
            try:
                self._take(decode(line))
            except ValueError as error:
                self._errors.append(str(error))

    def _take(self, message: Message) -> None:
        if self._open_requests:
            self._silence.start(self.silence_seconds * 1000)
        if message.method == "ready":
            self._on_ready(message)
        elif message.method == "progress":
            self.progress.emit(message.id, message.params["done"], message.params["text"])
        elif message.method == "event":
            details = dict(message.params)
            self.happened.emit(message.id, details.pop("name"), details)
        elif message.id in self._open_requests:
            self._open_requests.remove(message.id)
            if not self._open_requests:
                self._silence.stop()
            if message.error:
                self.failed.emit(message.id, message.error)
            else:
                self.finished.emit(message.id, message.result or {})

    def _on_ready(self, message: Message) -> None:
        version = message.params.get("version")
        if version != VERSION:
            self._abandon(
                f"The worker speaks version {version} of the protocol, this window version {VERSION}. "
                "Install the same U-Net Studio on both sides."
            )
            return
        ready = Ready(**message.params)
        self._is_ready = True
        for line in self._waiting:
            self._process.write(line)
        self._waiting.clear()
        self.ready.emit(ready)

    def _on_stderr(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._errors.extend(line for line in text.splitlines() if line.strip())
        if os.environ.get("UNET_STUDIO_DEBUG"):
            sys.stderr.write(text)

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._is_ready = False
        if self._stopping:
            return
        if status == QProcess.ExitStatus.CrashExit:
            how = "The worker was ended by the system, perhaps because memory ran out"
        else:
            how = f"The worker ended by itself (exit code {code})"
        last = f" Its last words: {self._errors[-1]}" if self._errors and code else ""
        self._end_all(f"{how}. Nothing you painted is lost; press the button again to restart it.{last}")

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end_all(
                f"The worker could not be started ({self._process.errorString()}): {self.command[0]}. "
                "Install U-Net Studio again, or run 'unet-studio doctor'."
            )

    def _on_silence(self) -> None:
        self._abandon(
            f"The worker has not answered for {self.silence_seconds} seconds and was stopped. "
            "Nothing you painted is lost; press the button again to restart it."
        )

    def _abandon(self, sentence: str) -> None:
        """Kill the process before anyone is told, so that a request made in answer starts a new one."""
        self._stopping = True
        self._process.kill()
        self._process.waitForFinished(_GRACE_MS)
        self._end_all(sentence)

    def _end_all(self, sentence: str) -> None:
        self._silence.stop()
        self._waiting.clear()
        self.died.emit(sentence)
        requests, self._open_requests = self._open_requests, []
        for request in requests:
            self.failed.emit(request, sentence)
