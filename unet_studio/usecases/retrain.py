"""Retraining: what a person labelled becomes a new model, published in the project. Needs Keras.

Whether to use it is another question; `adopt` asks it.
"""

from pathlib import Path

from unet_studio.core.models.cards import find_model
from unet_studio.core.project.hold_out import keep_slides_out
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.lesson import check_can_learn
from unet_studio.protocol.values import Progress, Retrained, RetrainJob
from unet_studio.unet.recipes import default_recipe, load_recipe
from unet_studio.unet.training import retraining


def retrain(job: RetrainJob, progress: Progress) -> Retrained:
    """Draw or extend the hold-out, train, and publish a model; the active model stays.

    Raises StudioError for what keeps a training from beginning, and `Cancelled` where the user asked to stop before
    the first round; later what was learned so far becomes the model.
    """
    with Project.open(Path(job.folder), place=Path(job.place)) as project:
        if job.resume:
            return retraining.resume(project, progress)
        start = find_model(job.model, project.place) if job.model else None
        recipe = load_recipe(job.recipe or default_recipe(job.model), job.changes)
        check_can_learn(project, has_start=start is not None)
        keep_slides_out(project)
        return retraining.retrain(project, start, recipe, progress, channels=job.channels)
