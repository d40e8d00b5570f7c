"""The worker process: reads requests from stdin, answers on stdout, and leaves when stdin closes."""

import os
import queue
import sys
import threading
from typing import Any, BinaryIO

from unet_studio.errors import OUT_OF_MEMORY, is_out_of_memory
from unet_studio.worker.protocol import VERSION, Message, ProposeJob, Ready, RetrainJob, decode


class _Connection:
    """The worker's end of the pipe; a request is cancelled by its id."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._requests: queue.Queue[Message | None] = queue.Queue()
        self.cancelled: set[int] = set()

    def send(self, message: Message) -> None:
        with self._lock:
            self._stream.write(message.encode())
            self._stream.flush()

    def listen(self, source: BinaryIO) -> None:
        """Read requests until the other end closes, then leave at once: nobody waits for the answer."""
        for line in source:
            try:
                message = decode(line)
            except ValueError as error:  # go on: the end of stdin must still be seen
                print(error, file=sys.stderr)  # noqa: T201 - stderr is the worker's log
                continue
            if message.method == "cancel":
                self.cancelled.add(message.id)
            else:
                self._requests.put(message)
        os._exit(0)

    def next_request(self) -> Message | None:
        return self._requests.get()


class _RequestListener:
    """Reports a job's progress under its request's id."""

    def __init__(self, connection: _Connection, request: int) -> None:
        self._connection = connection
        self._request = request

    def progress(self, done: float, text: str) -> None:
        self._connection.send(Message(self._request, "progress", {"done": round(done, 4), "text": text}))

    def event(self, name: str, **params: Any) -> None:
        self._connection.send(Message(self._request, "event", {"name": name, **params}))

    def cancelled(self) -> bool:
        return self._request in self._connection.cancelled


def main() -> None:
    # Libraries print to fd 1; keep a private copy for the protocol and send theirs to stderr.
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    connection = _Connection(stream)
    threading.Thread(target=connection.listen, args=(sys.stdin.buffer,), daemon=True).start()
    if "--low-priority" in sys.argv:
        _lower_priority()

    from unet_studio.unet.device import find_device
    from unet_studio.worker.jobs import Jobs

    device = find_device()
    ready = Ready(VERSION, device.kind, device.name, device.backend, device.reason)
    connection.send(Message(method="ready", params={name: getattr(ready, name) for name in Ready.__slots__}))
    jobs = Jobs()
    while (request := connection.next_request()) is not None:
        connection.send(_answer(jobs, request, _RequestListener(connection, request.id)))


def _answer(jobs: Any, request: Message, listener: _RequestListener) -> Message:
    from unet_studio.errors import Cancelled, StudioError

    try:
        if request.method == "propose":
            return Message(request.id, result=jobs.propose(ProposeJob(**request.params), listener))
        if request.method == "retrain":
            return Message(request.id, result=jobs.retrain(RetrainJob(**request.params), listener))
        return Message(request.id, error=f"The worker knows no job '{request.method}'.")
    except Cancelled as error:
        return Message(request.id, result={"cancelled": True, "message": str(error)})
    except StudioError as error:
        return Message(request.id, error=str(error))
    except Exception as error:  # the worker must go on; the whole story goes to its log
        import traceback

        traceback.print_exc()
        if is_out_of_memory(error):
            return Message(request.id, error=OUT_OF_MEMORY)
        return Message(request.id, error=f"The worker met an unexpected error ({type(error).__name__}: {error}).")


def _lower_priority() -> None:
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(10)


if __name__ == "__main__":
    main()
