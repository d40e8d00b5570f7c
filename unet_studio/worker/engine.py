"""What proposes and retrains, for whoever needs it done and not how."""

from typing import Any, Protocol

from unet_studio.worker.protocol import Listener, ProposeJob, RetrainJob


class Engine(Protocol):
    """Runs jobs in this process: `worker.jobs.Jobs`, or in a test something that needs no Keras."""

    def propose(self, job: ProposeJob, listener: Listener) -> dict[str, Any]: ...
    def retrain(self, job: RetrainJob, listener: Listener) -> dict[str, Any]: ...
