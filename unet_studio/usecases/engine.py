"""The interface of what runs the jobs that need Keras in this process."""

from typing import Protocol

from unet_studio.protocol.values import Compared, CompareJob, Progress, Proposed, ProposeJob, Retrained, RetrainJob


class Engine(Protocol):
    """Runs `usecases.propose`, `retrain` and `compare`: `worker.jobs.Jobs`, or in a test something without Keras."""

    def propose(self, job: ProposeJob, progress: Progress) -> Proposed: ...
    def retrain(self, job: RetrainJob, progress: Progress) -> Retrained: ...
    def compare(self, job: CompareJob, progress: Progress) -> Compared: ...
