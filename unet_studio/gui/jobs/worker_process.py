"""The worker process as the window sees it: requests go in, progress and one answer come out, and an end is told."""

import logging
import re
import sys
from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QObject, QProcess, QProcessEnvironment, Qt, QTimer, Signal

from unet_studio.errors import ProtocolError
from unet_studio.protocol.messages import (
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
from unet_studio.protocol.values import Job, Stopping

_log = logging.getLogger(__name__)

_SILENCE_SECONDS = 300
_CANCEL_SECONDS = 30
_PATIENCE = 1 / 6
"""Who cancels again after this share of the time that a worker has to stop, without a sign from it, won't wait."""
_GRACE_MS = 5000
_OF_A_LIBRARY = re.compile(r"([IWEF]\d{4} |\d{4}-\d\d-\d\d .*: [IWEF] |WARNING: All log messages)")
"""How TensorFlow begins the lines of its log; why a worker ended is never in them."""
_LONGEST_LINE = 16 << 20
"""Bytes; what is longer is no message, and would fill the memory while one waits for its end."""


_GARBLED = (
    "The worker said something that can't be understood ({0}) and was stopped. Nothing you painted is lost; press the "
    "button again to restart it."
)


class WorkerProcess(QObject):
    """One worker. It starts with the first request (or `start`), and again with the next one after it died.

    Every request ends with exactly one of `finished`, `stopped` and `failed`, also when the worker dies or falls
    silent. A worker that doesn't end a cancelled request is killed after a while, and one that says what is no message
    at once: what else it says can't be relied on.
    """

    ready = Signal(object)  # Ready
    progress = Signal(int, float, str)  # request, share done, what
    happened = Signal(int, object)  # request, Event
    finished = Signal(int, object)  # request, Result
    stopped = Signal(int, str)  # request, what stays
    failed = Signal(int, str)  # request, why
    died = Signal(str)  # why there is no worker now

    def __init__(self, *, options: Sequence[str] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.command = [sys.executable, "-P", "-m", "unet_studio.worker", *options]
        """What is started; a user may set it to run the worker elsewhere."""
        self.silence_seconds = _SILENCE_SECONDS
        """A worker at work that says nothing for so long is taken for hung."""
        self.cancel_seconds: float = _CANCEL_SECONDS
        """A worker has so long to end a request that was cancelled, counted from when it last said that it is about to;
        then it is killed."""
        self._process = self._make_process()
        self._last_words = ""
        self._next_request = 1
        self._open_requests: list[int] = []
        self._cancelled: set[int] = set()
        self._is_ready = False
        self._stopping = False
        self._waiting: dict[int, Request] = {}
        self._silence = QTimer(self, singleShot=True)
        self._silence.timeout.connect(self._on_silence)
        self._grace = QTimer(self, singleShot=True)
        self._grace.timeout.connect(self._on_grace_over)
        self._waited = QElapsedTimer()  # since the worker was asked to stop, or said that it is about to

    @property
    def is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self) -> None:
        """Start the process, if it isn't running."""
        if self.is_running:
            return
        self._is_ready = self._stopping = False
        self._last_words = ""
        self._process.start(self.command[0], self.command[1:])

    def request(self, job: Job) -> int:
        """Send a job; returns the request's number."""
        number = self._next_request
        self._next_request += 1
        self._open_requests.append(number)
        self.start()
        if self._is_ready:
            self._send(Request(number, job))
        else:
            self._waiting[number] = Request(number, job)
        self._silence.start(self.silence_seconds * 1000)
        return number

    def cancel(self, request: int) -> None:
        """Ask for a request to end; it is still answered.

        One that the worker hasn't been given yet ends at once. Otherwise the worker has `cancel_seconds` to end it, or
        until it is cancelled again after a sixth of that without a sign; then it is killed.
        """
        if request not in self._open_requests:
            return
        if request in self._waiting:
            del self._waiting[request]
            self._close(request)
            self.stopped.emit(request, "Stopped before it began; nothing has changed.")
        elif request not in self._cancelled:
            self._cancelled.add(request)
            self._send(Cancel(request))
            self._start_grace()
        elif self._waited.elapsed() >= 1000 * _PATIENCE * self.cancel_seconds:
            self._on_grace_over()

    def stop(self) -> None:
        """End the process: close its stdin, wait a little, then kill."""
        self._silence.stop()
        self._grace.stop()
        self._open_requests.clear()
        self._cancelled.clear()
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
        self._process.write(encode(message))

    def _on_output(self) -> None:
        while not self._stopping and self._process.canReadLine():
            line = bytes(self._process.readLine().data())
            try:
                message = decode(line)
            except ProtocolError as error:
                self._on_garbled(line, error)
            else:
                self._take(message)
        if not self._stopping and self._process.bytesAvailable() > _LONGEST_LINE and not self._process.canReadLine():
            self._abandon(_GARBLED.format(f"a line of more than {_LONGEST_LINE >> 20} MB"))

    def _on_garbled(self, line: bytes, error: ProtocolError) -> None:
        """Only before it is ready may a worker say what is no message: a remote host greets who comes in."""
        if error.other_version:
            self._abandon(str(error))
        elif self._is_ready or line.lstrip().startswith(b"{"):
            self._abandon(_GARBLED.format(error))

    def _take(self, message: Message) -> None:
        if self._open_requests:
            self._silence.start(self.silence_seconds * 1000)
        if isinstance(message, Ready):
            self._on_ready(message)
            return
        if isinstance(message, Request | Cancel) or message.id not in self._open_requests:
            return  # of a request that was ended meanwhile
        match message:
            case Report(request, done, text):
                self.progress.emit(request, done, text)
            case Happened(request, event):
                if isinstance(event, Stopping) and request in self._cancelled:
                    self._start_grace()
                self.happened.emit(request, event)
            case Finished(request, result):
                self._close(request)
                self.finished.emit(request, result)
            case Stopped(request, sentence):
                self._close(request)
                self.stopped.emit(request, sentence)
            case Failed(request, sentence):
                self._close(request)
                _log.error("The worker failed: %s", sentence)
                self.failed.emit(request, sentence)

    def _close(self, request: int) -> None:
        """A request is answered; nobody waits for it any more."""
        self._open_requests.remove(request)
        self._cancelled.discard(request)
        if not self._cancelled:
            self._grace.stop()
        if not self._open_requests:
            self._silence.stop()

    def _on_ready(self, ready: Ready) -> None:
        self._is_ready = True
        _log.info("The worker runs on %s (%s): %s", ready.device, ready.backend, ready.reason)
        for request in self._waiting.values():
            self._send(request)
        self._waiting.clear()
        self.ready.emit(ready)

    def _start_grace(self) -> None:
        self._waited.start()
        self._grace.start(round(self.cancel_seconds * 1000))

    def _on_stderr(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        for line in filter(str.strip, text.splitlines()):
            _log.info("The worker says: %s", line)
            if not _OF_A_LIBRARY.match(line):
                self._last_words = line

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._is_ready = False
        if self._stopping:
            return
        if status == QProcess.ExitStatus.CrashExit:
            how = "The worker was ended by the system, perhaps because memory ran out"
        else:
            how = f"The worker ended by itself (exit code {code})"
        last = f" Its last words: {self._last_words}" if self._last_words and code else ""
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

    def _on_grace_over(self) -> None:
        """The worker was asked to stop and didn't; those who asked get what they wanted."""
        sentence = "The worker did not stop when it was asked to, so it was ended. What was finished before stays."
        stopped = [request for request in self._open_requests if request in self._cancelled]
        for request in stopped:
            self._close(request)
        self._abandon(
            "The worker was ended, because it did not stop when it was asked to. It starts again when needed."
        )
        for request in stopped:
            self.stopped.emit(request, sentence)

    def _abandon(self, sentence: str) -> None:
        """Kill the process before anyone is told, so that a request made in answer starts a new one."""
        self._stopping = True
        self._process.kill()
        self._process.waitForFinished(_GRACE_MS)
        self._end_all(sentence)

    def _end_all(self, sentence: str) -> None:
        _log.error(sentence)
        self._silence.stop()
        self._grace.stop()
        self._waiting.clear()
        self._cancelled.clear()
        self.died.emit(sentence)
        requests, self._open_requests = self._open_requests, []
        for request in requests:
            self.failed.emit(request, sentence)
