"""The jobs that need Keras, run one after the other in this process; the last network stays warm between them."""

from pathlib import Path

from unet_studio.core.models.cards import find_model
from unet_studio.protocol.values import Compared, CompareJob, Progress, Proposed, ProposeJob, Retrained, RetrainJob
from unet_studio.unet.proposing import Proposer
from unet_studio.usecases.compare import compare
from unet_studio.usecases.propose import propose
from unet_studio.usecases.retrain import retrain


class Jobs:
    """An `Engine`: the worker and the commands run the same jobs through it."""

    def __init__(self) -> None:
        self._warm: dict[tuple[Path, int, bool], Proposer] = {}

    def propose(self, job: ProposeJob, progress: Progress) -> Proposed:
        """See `usecases.propose`; raises `ModelError` where the model can't be found or read."""
        return propose(job, self._proposer(job), progress)

    def retrain(self, job: RetrainJob, progress: Progress) -> Retrained:
        """See `usecases.retrain`."""
        return retrain(job, progress)

    def compare(self, job: CompareJob, progress: Progress) -> Compared:
        """See `usecases.compare`."""
        return compare(job, progress)

    def _proposer(self, job: ProposeJob) -> Proposer:
        card = find_model(job.model, Path(job.place))
        key = (card.folder, card.weights.stat().st_mtime_ns if card.weights.is_file() else 0, job.flips)
        if key not in self._warm:
            self._warm = {key: Proposer(card, flips=job.flips)}
        return self._warm[key]
