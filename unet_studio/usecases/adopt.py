"""Adopting: a new model takes the place of the active one, where the gate lets it."""

from unet_studio.core.project.active_model import comparable_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, TooClose
from unet_studio.protocol.values import Retrained


def adopt(project: Project, retrained: Retrained) -> Judgement:
    """Make a new model the active one if it is to be used; says whether it is, and why."""
    classes = [label.name for label in project.classes()]
    rival, rule = comparable_model(project), TooClose.read(project.too_close)
    judgement = judge_model(retrained, classes=classes, rival=rival, rule=rule)
    if judgement.is_adopted:
        project.set_setting("active_model", retrained.model)
    return judgement
