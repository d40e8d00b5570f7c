"""The worker's own main loop, with jobs that need no Keras: the name of the model says what they do."""

import os
import signal
import sys
import time
import types

from unet_studio.errors import Cancelled, StudioError
from unet_studio.protocol.values import PlaneProposed, Proposed, Stopping
from unet_studio.worker.__main__ import main


def noisy(progress):
    os.write(1, b"a C library says hello\n")
    print("a Python library says hello", flush=True)  # noqa: T201
    progress.event(PlaneProposed("a.png", 0, "noisy"))
    return Proposed("noisy", 1)


def patient(progress):
    while not progress.cancelled():
        progress.report(0.5, "waiting")
        time.sleep(0.01)
    raise Cancelled("stopped as asked")


def deaf(progress):  # ignores cancellation
    while True:
        progress.report(0.5, "working")
        time.sleep(0.01)


def hung(progress):  # is stopped, so that it answers nothing
    progress.report(0.5, "working")
    os.kill(os.getpid(), signal.SIGSTOP)


def finishing(progress):  # takes its time to stop, and says so
    while not progress.cancelled():
        progress.report(0.5, "working")
        time.sleep(0.01)
    for _ in range(15):
        progress.event(Stopping())
        time.sleep(0.1)
    return Proposed("finishing", 1)


def failing(error):
    def fail(progress):
        raise error

    return fail


def telling(progress):  # what TensorFlow would be asked for
    raise StudioError(os.environ.get("TF_ENABLE_ONEDNN_OPTS", "nothing"))


BEHAVIOUR = {
    "telling": telling,
    "noisy": noisy,
    "patient": patient,
    "deaf": deaf,
    "hung": hung,
    "finishing": finishing,
    "refusing": failing(StudioError("That is not possible; do this instead.")),
    "hungry": failing(MemoryError()),
    "broken": failing(ValueError("one\ntwo")),
}


class Jobs:
    def propose(self, job, progress):
        return BEHAVIOUR[job.model](progress)


sys.modules["unet_studio.worker.jobs"] = types.SimpleNamespace(Jobs=Jobs)
sys.modules["unet_studio.unet.device"] = types.SimpleNamespace(
    find_device=lambda: types.SimpleNamespace(kind="CPU", name="test", backend="none", reason="It is a test.")
)
main()
