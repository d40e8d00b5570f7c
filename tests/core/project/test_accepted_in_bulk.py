"""What was only accepted from a model, many planes at once, is told from what a person looked at."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box

SHAPE = (8, 8)
WHOLE = Box.of_shape(SHAPE)
PLANES = [PlaneId("a.png"), PlaneId("b.tif", 0), PlaneId("b.tif", 1), PlaneId("c.png")]
CORRECTED, REVIEWED, PROPOSED = PlaneState.CORRECTED, PlaneState.REVIEWED, PlaneState.PROPOSED


def change(plane: PlaneId, before: PlaneState, after: PlaneState) -> PlaneChange:
    old = np.full(SHAPE, UNLABELLED if before is PROPOSED else 0, np.uint8)
    return PlaneChange(plane, tuple(make_patches(WHOLE, old, np.zeros(SHAPE, np.uint8))), before, after)


class Person:
    """Works in a project, and remembers what each plane got its labels by."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.states = dict.fromkeys(PLANES, PROPOSED)
        self.done: list[tuple[int, Edit, bool]] = []  # with whether it accepts many planes at once
        self.undone: list[tuple[int, Edit, bool]] = []

    def accept_all(self, _: int) -> None:
        planes = [plane for plane in PLANES if self.states[plane] is PROPOSED]
        self.perform([change(plane, PROPOSED, CORRECTED) for plane in planes], in_bulk=len(planes) > 1)

    def stroke(self, number: int) -> None:
        plane = PLANES[number]
        self.perform([change(plane, self.states[plane], self.states[plane].after_edit)])

    def review(self, number: int) -> None:
        self.perform([change(PLANES[number], self.states[PLANES[number]], REVIEWED)])

    def undo(self, _: int) -> None:
        if self.done:
            self.undone.append(self.done.pop())
            number, edit, _in_bulk = self.undone[-1]
            self.project.undo(number)
            self.states |= {change.plane: change.state_before for change in edit.planes}

    def redo(self, _: int) -> None:
        if self.undone:
            self.done.append(self.undone.pop())
            number, edit, _in_bulk = self.done[-1]
            self.project.redo(number)
            self.states |= {change.plane: change.state_after for change in edit.planes}

    def perform(self, changes: list[PlaneChange], *, in_bulk: bool = False) -> None:
        if changes:
            number = self.project.next_edit_id()
            self.project.record(number, Edit("edit", tuple(changes)), *[SHAPE] * len(changes))
            self.done.append((number, self.project.history()[-1].edit, in_bulk))
            self.undone.clear()
            self.states |= {change.plane: change.state_after for change in changes}

    def not_looked_at(self) -> set[PlaneId]:
        found: dict[PlaneId, bool] = {}
        for _, edit, in_bulk in self.done:
            found |= dict.fromkeys((change.plane for change in edit.planes), in_bulk)
        return {plane for plane, in_bulk in found.items() if in_bulk}


what = st.sampled_from(["accept_all", "stroke", "review", "undo", "redo"])


@given(st.lists(st.tuples(what, st.integers(0, len(PLANES) - 1)), max_size=20))
def test_only_what_nobody_looked_at_is_in_bulk(work: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Project.open(Path(folder)) as project:
        person = Person(project)
        for name, number in work:
            getattr(person, name)(number)
            assert project.accepted_in_bulk() == person.not_looked_at()


def test_one_stroke_or_one_review_vouches_for_a_plane(project: Project) -> None:
    person = Person(project)
    person.accept_all(0)
    assert project.accepted_in_bulk() == {*PLANES}
    person.stroke(0)
    person.review(1)
    assert project.accepted_in_bulk() == {*PLANES[2:]}
    person.undo(0)
    assert project.accepted_in_bulk() == {*PLANES[1:]}


def test_planes_that_were_labelled_one_by_one_are_vouched_for(project: Project) -> None:
    person = Person(project)
    for number in range(len(PLANES)):
        person.stroke(number)
    assert project.accepted_in_bulk() == frozenset()
    person.perform([change(plane, CORRECTED, CORRECTED) for plane in PLANES])
    assert project.accepted_in_bulk() == frozenset(), "a change of all after they were labelled one by one"
