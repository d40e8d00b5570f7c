"""The worker process: reads requests from stdin, answers on stdout, and exits when stdin closes."""

import faulthandler
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO

from unet_studio.errors import OUT_OF_MEMORY, Cancelled, ProtocolError, StudioError, is_out_of_memory
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
from unet_studio.protocol.values import CompareJob, Event, ProposeJob, RetrainJob
from unet_studio.worker.environment import make_training_fast

if TYPE_CHECKING:
    from unet_studio.usecases.engine import Engine


class _Connection:
    """The worker's end of the pipe; a request is cancelled by its id."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._requests: queue.Queue[Request | Failed] = queue.Queue()
        self.cancelled: set[int] = set()

    def send(self, message: Message) -> None:
        with self._lock:
            self._stream.write(encode(message))
            self._stream.flush()

    def listen(self, source: BinaryIO) -> None:
        """Read requests until the other end closes, then exit at once: nobody waits for the answer."""
        try:
            for line in source:
                self._take(line)
        finally:  # whatever it was: a worker that no longer listens could never be ended
            os._exit(0)

    def _take(self, line: bytes) -> None:
        try:
            message = decode(line)
        except ProtocolError as error:  # go on: the end of stdin must still be seen
            print(error, file=sys.stderr)  # noqa: T201 - stderr is the worker's log
            if error.request:  # it is answered in its turn
                self._requests.put(Failed(error.request, str(error)))
            return
        match message:
            case Cancel(number):
                self.cancelled.add(number)
            case Request():
                self._requests.put(message)

    def next_request(self) -> Request | Failed:
        """The next request, or the answer to one that makes no sense."""
        return self._requests.get()


class _RequestProgress:
    """Reports a job's progress under its request's id."""

    def __init__(self, connection: _Connection, request: int) -> None:
        self._connection = connection
        self._request = request

    def report(self, done: float, text: str) -> None:
        self._connection.send(Report(self._request, done, text))

    def event(self, event: Event) -> None:
        self._connection.send(Happened(self._request, event))

    def cancelled(self) -> bool:
        return self._request in self._connection.cancelled


def main() -> None:
    # Libraries print to fd 1; keep a private copy for the protocol and send theirs to stderr.
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    faulthandler.enable()  # where a library crashes, stderr says in which call
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    connection = _Connection(stream)
    threading.Thread(target=connection.listen, args=(sys.stdin.buffer,), daemon=True).start()
    if "--low-priority" in sys.argv:
        _lower_priority()
    if "--trains" in sys.argv:
        make_training_fast()

    from unet_studio.unet.device import find_device
    from unet_studio.worker.jobs import Jobs

    device = find_device()
    connection.send(Ready(VERSION, device.kind, device.name, device.backend, device.reason))
    jobs = Jobs()
    while True:
        request = connection.next_request()
        if isinstance(request, Failed):
            connection.send(request)
        else:
            connection.send(_answer(jobs, request, _RequestProgress(connection, request.id)))


def _answer(jobs: "Engine", request: Request, progress: _RequestProgress) -> Finished | Stopped | Failed:
    try:
        match request.job:
            case ProposeJob():
                return Finished(request.id, jobs.propose(request.job, progress))
            case RetrainJob():
                return Finished(request.id, jobs.retrain(request.job, progress))
            case CompareJob():
                return Finished(request.id, jobs.compare(request.job, progress))
    except Cancelled as error:
        return Stopped(request.id, str(error))
    except StudioError as error:
        return Failed(request.id, str(error))
    except Exception as error:  # the worker must keep running; the traceback goes to its log
        import traceback

        traceback.print_exc()
        if is_out_of_memory(error):
            return Failed(request.id, OUT_OF_MEMORY)
        return Failed(request.id, f"The worker met an unexpected error ({type(error).__name__}: {error}).")


def _lower_priority() -> None:
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(10)


if __name__ == "__main__":
    main()
