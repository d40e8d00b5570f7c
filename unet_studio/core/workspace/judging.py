"""What judges the models of an open folder: hold-out, audit sample, and the rule for what is too close to call."""

from collections.abc import Callable, Iterable

from unet_studio.core.project.grouping import with_their_groups
from unet_studio.core.project.hold_out import keep_slides_out
from unet_studio.core.project.journal import Write
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import TooClose


class Judging:
    """A person's choices of what judges models, and what trainings so far `learned` from.

    What was chosen holds at once. `submit` has it written, and raises `ProjectReadOnlyError` where the folder is
    read-only.
    """

    def __init__(self, project: Project, slides: tuple[str, ...], submit: Callable[[Write], None]) -> None:
        self.too_close = TooClose.read(project.too_close)
        self.audit = project.audit()
        self.hold_out = project.hold_out()
        self.learned = project.learned() or frozenset()
        self._groups = project.hold_out_groups
        self._slides = slides
        self._submit = submit

    def set_too_close(self, rule: TooClose) -> None:
        """Choose what becomes of a new model where the hold-out can't tell whether it is better."""
        self._submit(Write("choice of models", lambda project: project.set_setting("too_close", rule)))
        self.too_close = rule

    def set_audit(self, slides: Iterable[str]) -> None:
        """Choose the slides that no model learns from or is chosen by."""
        chosen = frozenset(slides)
        self._submit(Write("audit sample", lambda project: project.set_audit(chosen)))
        self.audit = chosen

    def draw_hold_out(self) -> None:
        """Have the hold-out drawn, or added to, for a training that is about to begin; the project has it then."""
        self._submit(Write("hold-out", keep_slides_out))

    def with_groups(self, slides: Iterable[str]) -> frozenset[str]:
        """Some slides and those that are held out only together with them, but for the audit sample."""
        return with_their_groups(frozenset(slides), self._slides, self._groups) - self.audit

    def change_hold_out(self, slides: Iterable[str], *, held: bool) -> None:
        """Keep these slides out of training from now on, or have them learned from."""
        changed = frozenset(slides)
        write = Project.add_hold_out if held else Project.remove_hold_out
        self._submit(Write("hold-out", lambda project: write(project, changed)))
        self.hold_out = self.hold_out | changed if held else self.hold_out - changed
