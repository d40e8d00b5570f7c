"""What a person chooses of what judges models holds at once, and when the folder is opened again."""

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import TooClose
from unet_studio.core.workspace.judging import Judging
from unet_studio.core.workspace.workspace import Workspace


def chosen(judging: Judging) -> tuple[TooClose, frozenset[str], frozenset[str]]:
    return judging.too_close, judging.audit, judging.hold_out


def test_choices_hold_at_once_and_stay(folder: Path) -> None:
    with closing(Workspace.open(folder)) as opened:
        judging = opened.judging
        judging.set_too_close(TooClose.NEVER)
        judging.set_audit(["sub/c.png"])
        judging.change_hold_out(["a.png", "b.png"], held=True)
        judging.change_hold_out(["b.png"], held=False)
        assert chosen(judging) == (TooClose.NEVER, {"sub/c.png"}, {"a.png"})
    with closing(Workspace.open(folder)) as opened:
        assert chosen(opened.judging) == chosen(judging)


def test_a_group_is_held_out_together_but_for_the_audit_sample(folder: Path) -> None:
    for name in ("mouse1_a.png", "mouse1_b.png", "mouse1_c.png"):
        cv2.imwrite(str(folder / name), np.zeros((64, 64), np.uint8))
    with Project.open(folder) as project:
        project.set_setting("hold_out_groups", "prefix:_")
    with closing(Workspace.open(folder)) as opened:
        opened.judging.set_audit(["mouse1_c.png"])
        assert opened.judging.with_groups(["mouse1_a.png", "a.png"]) == {"a.png", "mouse1_a.png", "mouse1_b.png"}
