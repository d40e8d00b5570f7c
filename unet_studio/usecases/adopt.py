"""Adopting: a new model takes the place of the active one, where the gate lets it."""

from unet_studio.core.project.active_model import comparable_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import Verdict, judge_model
from unet_studio.protocol.values import Retrained


def adopt(project: Project, retrained: Retrained) -> Verdict:
    """Make a new model the active one if it is to be used; says whether it is, and why."""
    classes = [label.name for label in project.classes()]
    verdict = judge_model(retrained, classes=classes, rival=comparable_model(project))
    if verdict.is_adopted:
        project.set_setting("active_model", retrained.model)
    return verdict
