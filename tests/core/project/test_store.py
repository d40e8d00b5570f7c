"""The project keeps what people did: whole strokes, in order, through restarts, full disks and second windows."""

import errno
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.edits import Edit, MaskRecipe, PlaneChange, RecipeChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.errors import ProjectError, ProjectPlaceError

PLANE = PlaneId("sub/slide.tif", 2)
SHAPE = (270, 280)
WHOLE = Box.of_shape(SHAPE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.open(folder) as opened:
        yield opened


def file_of(folder: Path) -> Path:
    return folder / PLACE_NAME / "project.sqlite"


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Labels that don't compress."""
    return np.random.default_rng(seed).integers(0, 250, shape, dtype=np.uint8)


def edit_of(
    after: NDArray[np.uint8] | int,
    box: Box = WHOLE,
    *,
    plane: PlaneId = PLANE,
    before: NDArray[np.uint8] | int = UNLABELLED,
    sentence: str = "brush",
    state: PlaneState = PlaneState.CORRECTED,
) -> Edit:
    old, new = (np.array(np.broadcast_to(np.asarray(v, np.uint8), box.shape)) for v in (before, after))
    return Edit(sentence, (PlaneChange(plane, tuple(make_patches(box, old, new)), PlaneState.NEW, state),))


def labels_of(project: Project, plane: PlaneId = PLANE) -> NDArray[np.uint8]:
    return project.labels(plane, SHAPE).read(WHOLE)


def execute(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        connection.execute(sql)


# Edits


class EditsAgainstArrays(RuleBasedStateMachine):
    """Any sequence of edits, undo, redo and restarts leaves the labels that arrays in memory would have."""

    planes = (PlaneId("a.png"), PlaneId("b.tif", 0), PlaneId("b.tif", 1))

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.project = Project.open(self.folder)
        self.labels = {plane: np.full(SHAPE, UNLABELLED, np.uint8) for plane in self.planes}
        self.states = dict.fromkeys(self.planes, PlaneState.NEW)
        self.recipe = MaskRecipe()
        self.done: list[tuple[int, Edit]] = []
        self.undone: list[tuple[int, Edit]] = []

    def teardown(self) -> None:
        self.project.close()
        shutil.rmtree(self.folder)

    @rule(
        touched=st.lists(st.sampled_from(planes), min_size=1, max_size=3, unique=True),
        corner=st.tuples(st.integers(0, 269), st.integers(0, 279)),
        size=st.tuples(st.integers(0, 270), st.integers(0, 280)),
        value=st.sampled_from([0, 1, 2, UNLABELLED]),
        state=st.sampled_from([PlaneState.CORRECTED, PlaneState.REVIEWED]),
    )
    def edit(
        self, touched: list[PlaneId], corner: tuple[int, int], size: tuple[int, int], value: int, state: PlaneState
    ) -> None:
        y, x = corner
        box = Box(y, x, y + size[0], x + size[1]).intersect(WHOLE)
        after = np.full(box.shape, value, np.uint8)
        changes = [
            PlaneChange(
                plane, tuple(make_patches(box, self.labels[plane][box.slices], after)), self.states[plane], state
            )
            for plane in touched
        ]
        self.record(Edit("brush", tuple(changes)))

    @rule(steps=st.sampled_from(["", "open:disk:2", "dilate:disk:1,fill-holes:64"]), threshold=st.floats(0.01, 0.99))
    def change_recipe(self, steps: str, threshold: float) -> None:
        self.record(Edit("clean-up", recipe=RecipeChange(self.recipe, MaskRecipe(parse_steps(steps), threshold))))

    def record(self, edit: Edit) -> None:
        edit_id = self.project.next_edit_id()
        self.project.record(edit_id, edit, *[SHAPE] * len(edit.planes))
        self.done.append((edit_id, edit))
        self.undone.clear()
        self.show(edit)

    @precondition(lambda self: self.done)
    @rule()
    def undo(self) -> None:
        self.undone.append(self.done.pop())
        edit_id, edit = self.undone[-1]
        self.project.undo(edit_id)
        self.show(edit, back=True)

    @precondition(lambda self: self.undone)
    @rule()
    def redo(self) -> None:
        self.done.append(self.undone.pop())
        edit_id, edit = self.done[-1]
        self.project.redo(edit_id)
        self.show(edit)

    @precondition(lambda self: self.done)
    @rule()
    def repeat_what_may_have_been_written(self) -> None:
        edit_id, edit = self.done[-1]
        self.project.record(edit_id, edit, *[SHAPE] * len(edit.planes))
        self.project.redo(edit_id)

    @rule()
    def restart(self) -> None:
        self.project.close()
        self.project = Project.open(self.folder)

    def show(self, edit: Edit, *, back: bool = False) -> None:
        for change in edit.planes:
            for patch in change.patches:
                labels = patch.labels_before if back else patch.labels_after
                self.labels[change.plane][patch.box.slices] = labels
            self.states[change.plane] = change.state_before if back else change.state_after
        if edit.recipe is not None:
            self.recipe = edit.recipe.before if back else edit.recipe.after

    @invariant()
    def labels_agree(self) -> None:
        for plane in self.planes:
            np.testing.assert_array_equal(labels_of(self.project, plane), self.labels[plane])

    @invariant()
    def states_agree(self) -> None:
        touched = {plane: state for plane, state in self.states.items() if state is not PlaneState.NEW}
        assert self.project.states() == touched

    @invariant()
    def counts_agree(self) -> None:
        counts = {entry.plane: entry.labelled for entry in self.project.labelled_planes()}
        expected = {plane: int(np.count_nonzero(self.labels[plane] != UNLABELLED)) for plane in self.planes}
        assert counts == {plane: count for plane, count in expected.items() if count}

    @invariant()
    def history_agrees(self) -> None:
        stored = self.project.history(max_bytes=1 << 40)
        assert [(entry.id, entry.edit, entry.undone) for entry in stored] == [
            *((edit_id, edit, False) for edit_id, edit in self.done),
            *((edit_id, edit, True) for edit_id, edit in reversed(self.undone)),
        ]

    @invariant()
    def recipes_agree(self) -> None:
        assert MaskRecipe(self.project.steps(), self.project.threshold) == self.recipe


TestEditsAgainstArrays = EditsAgainstArrays.TestCase
TestEditsAgainstArrays.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)


def test_the_history_comes_back_with_all_that_an_edit_says(folder: Path) -> None:
    edit = edit_of(noise((30, 40)), Box(240, 250, 270, 290), before=3, sentence="brush nucleus on größe.tif")
    with Project.open(folder) as project:
        project.record(7, edit, (300, 300))
    with Project.open(folder) as project:
        (stored,) = project.history()
    assert (stored.id, stored.undone) == (7, False)
    assert stored.edit == edit


def test_confirming_a_plane_without_a_label_is_kept(project: Project) -> None:
    project.record(1, edit_of(0, Box(0, 0, 0, 0), state=PlaneState.REVIEWED), SHAPE)
    assert project.states() == {PLANE: PlaneState.REVIEWED}
    assert project.labelled_planes() == []
    assert project.history()[0].edit.change.patches == ()


def test_a_new_edit_drops_what_could_be_redone(project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    project.record(2, edit_of(2), SHAPE)
    project.undo(2)
    project.record(3, edit_of(3, Box(0, 0, 5, 5)), SHAPE)
    project.redo(2)
    assert [entry.id for entry in project.history()] == [1, 3]
    assert (labels_of(project)[10:] != 2).all()


def test_redoing_what_is_not_undone_changes_nothing(project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    project.record(2, edit_of(2), SHAPE)
    project.redo(1)
    assert (labels_of(project) == 2).all()


def test_undoing_an_edit_that_is_gone_changes_nothing(project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    project.undo(99)
    assert (labels_of(project) == 1).all()


def test_the_history_gives_the_newest_edits_that_fit_and_at_least_one(project: Project) -> None:
    edits = [edit_of(number, Box(0, 0, 10, 10)) for number in range(1, 5)]
    for number, edit in enumerate(edits, start=1):
        project.record(number, edit, SHAPE)
    assert [entry.id for entry in project.history(max_bytes=2 * edits[0].nbytes)] == [3, 4]
    assert [entry.id for entry in project.history(max_bytes=1)] == [4]


@pytest.mark.parametrize("room", [0, 4, 30, 50, 90, 120])
def test_a_stroke_that_the_disk_has_no_room_for_is_absent(folder: Path, room: int) -> None:
    with Project.open(folder) as before:
        before.record(1, edit_of(noise((20, 20)), Box(0, 0, 20, 20)), SHAPE)
        labels = labels_of(before)
    connection = sqlite3.connect(file_of(folder))
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + room}")
    with Project(folder, folder / PLACE_NAME, connection) as cramped:
        with pytest.raises(sqlite3.OperationalError, match="full"):
            cramped.record(2, edit_of(noise((1000, 1000), 1), Box(0, 0, 1000, 1000), plane=PlaneId("b")), (1000, 1000))
        np.testing.assert_array_equal(labels_of(cramped), labels)
    with Project.open(folder) as after:
        np.testing.assert_array_equal(labels_of(after), labels)
        assert [entry.id for entry in after.history()] == [1]
        assert after.states() == {PLANE: PlaneState.CORRECTED}


def test_an_edit_or_undo_that_fails_at_its_last_tile_leaves_all_as_it_was(folder: Path, project: Project) -> None:
    project.record(1, edit_of(noise(SHAPE)), SHAPE)
    execute(
        folder,
        "CREATE TRIGGER stop BEFORE INSERT ON label_tile WHEN NEW.tile_row = 1 AND NEW.tile_column = 1 "
        "BEGIN SELECT RAISE(ABORT, 'stop here'); END",
    )
    with pytest.raises(ProjectError, match="stop here"):
        project.record(2, edit_of(2), SHAPE)
    np.testing.assert_array_equal(labels_of(project), noise(SHAPE))
    execute(folder, "DROP TRIGGER stop")
    execute(folder, "CREATE TRIGGER stop BEFORE DELETE ON label_tile BEGIN SELECT RAISE(ABORT, 'stop here'); END")
    with pytest.raises(ProjectError, match="stop here"):
        project.undo(1)
    np.testing.assert_array_equal(labels_of(project), noise(SHAPE))
    assert [(entry.id, entry.undone) for entry in project.history()] == [(1, False)]


def test_forgetting_undone_edits_leaves_nothing_of_them(folder: Path, project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    project.record(2, Edit("clean-up", recipe=RecipeChange(MaskRecipe(), MaskRecipe((), 0.3))))
    project.undo(2)
    project.undo(1)
    project.record(3, edit_of(3, Box(0, 0, 5, 5)), SHAPE)
    with closing(sqlite3.connect(file_of(folder))) as connection:
        for table in ("edit_plane", "edit_patch", "edit_recipe"):
            kept = connection.execute(f"SELECT DISTINCT edit_id FROM {table}").fetchall()
            assert kept == ([] if table == "edit_recipe" else [(3,)])
    assert project.threshold == 0.5


# Labels


@pytest.mark.parametrize("box", [Box(0, 0, 10, 10), Box(200, 200, 270, 280), Box(255, 255, 257, 257), WHOLE], ids=str)
def test_a_box_of_labels_is_read_without_the_rest(project: Project, box: Box) -> None:
    project.record(1, edit_of(noise((100, 100)), Box(170, 180, 270, 280)), SHAPE)
    np.testing.assert_array_equal(project.read_labels(PLANE, box), labels_of(project)[box.slices])


def test_a_plane_that_nobody_touched_is_unlabelled(project: Project) -> None:
    assert (labels_of(project) == UNLABELLED).all()
    assert (project.read_labels(PLANE, Box(0, 0, 5, 5)) == UNLABELLED).all()


def test_labelled_pixels_are_counted_by_tile_in_order_of_slide_and_plane(project: Project) -> None:
    project.record(1, edit_of(1, Box(250, 250, 260, 260), plane=PlaneId("b", 1)), SHAPE)
    project.record(2, edit_of(0, Box(0, 0, 2, 3), plane=PlaneId("b", 0), state=PlaneState.REVIEWED), SHAPE)
    project.record(3, edit_of(UNLABELLED, before=1, plane=PlaneId("a")), SHAPE)
    first, second = project.labelled_planes()
    assert (first.plane, first.shape, first.state) == (PlaneId("b", 0), SHAPE, PlaneState.REVIEWED)
    assert first.cells == {(0, 0): 6}
    assert second.plane == PlaneId("b", 1)
    assert second.cells == {(0, 0): 36, (0, 1): 24, (1, 0): 24, (1, 1): 16}
    assert second.labelled == 100


def test_labels_of_a_slide_that_changed_its_size_are_kept_and_the_change_is_said(project: Project) -> None:
    project.record(1, edit_of(noise(SHAPE)), SHAPE)
    with pytest.raises(ProjectError, match="280 × 270 pixels when it was labelled and is 100 × 50 now") as caught:
        project.labels(PLANE, (50, 100))
    assert PLANE.slide in str(caught.value)
    np.testing.assert_array_equal(labels_of(project), noise(SHAPE))


def test_a_slide_without_labels_may_change_its_size(project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    project.undo(1)
    labels = project.labels(PLANE, (50, 100))
    assert labels.shape == (50, 100)
    assert (labels.read(Box(0, 0, 50, 100)) == UNLABELLED).all()


# Choices


def test_a_new_project_has_sensible_choices(project: Project) -> None:
    assert [c.name for c in project.classes()] == ["background", "foreground"]
    assert not project.has_classes
    assert project.steps() == ()
    assert project.threshold == 0.5
    assert project.active_model == ""
    assert project.hold_out() == frozenset()
    assert project.history() == []


def test_choices_come_back_after_a_restart(folder: Path) -> None:
    classes = (*make_classes("axon", "myelin"), LabelClass(3, "größe", (1, 2, 3)))
    steps = parse_steps("open:disk:2,fill-holes:64,remove-small:64@1")
    with Project.open(folder) as project:
        project.set_classes(make_classes("other", "classes", "first", "and", "more"))
        project.set_classes(classes)
        project.set_steps(steps)
        project.set_setting("threshold", "0.350")
    with Project.open(folder) as project:
        assert project.classes() == classes
        assert project.has_classes
        assert project.steps() == steps
        assert project.threshold == 0.35


def test_slides_leave_the_hold_out_only_by_hand(folder: Path, project: Project) -> None:
    project.add_hold_out(["a.png", "b.png"])
    project.add_hold_out(["b.png", "c.png"])
    assert project.hold_out() == {"a.png", "b.png", "c.png"}
    assert project.declined() == frozenset()
    project.remove_hold_out(["b.png"])
    project.remove_hold_out(["b.png"])  # as a journal may repeat it
    with Project.open(folder) as again:
        assert again.hold_out() == {"a.png", "c.png"}
        assert again.declined() == {"b.png"}
    project.add_hold_out(["b.png"])
    assert (project.hold_out(), project.declined()) == ({"a.png", "b.png", "c.png"}, frozenset())


def test_what_trainings_had_adds_up(project: Project) -> None:
    assert project.learned() is None
    project.mark_learned([])
    assert project.learned() == frozenset()
    project.mark_learned(["a.png"])
    project.mark_learned(["b.png"])
    assert project.learned() == {"a.png", "b.png"}


def test_labelled_pixels_are_counted_by_class(project: Project) -> None:
    assert project.class_counts() == {}
    labels = noise(SHAPE)
    project.record(1, edit_of(labels), SHAPE)
    project.record(2, edit_of(3, Box(250, 250, 260, 260), plane=PlaneId("b", 1), state=PlaneState.REVIEWED), SHAPE)
    project.record(3, edit_of(UNLABELLED, before=1, plane=PlaneId("c")), SHAPE)
    counts = project.class_counts()
    first, second = counts.pop(PLANE), counts.pop(PlaneId("b", 1))
    assert not counts
    assert first.of_class == {int(c): int((labels == c).sum()) for c in np.unique(labels) if c != UNLABELLED}
    assert (second.of_class, second.state) == ({3: 100}, PlaneState.REVIEWED)
    assert second.pixels == SHAPE[0] * SHAPE[1]


# Several at once


def test_a_snapshot_shows_one_moment_while_another_connection_writes(folder: Path, project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    with Project.open(folder) as reader:
        with reader.snapshot():
            states = reader.states()
            project.record(2, edit_of(2), SHAPE)
            project.record(3, edit_of(3, plane=PlaneId("new.png")), SHAPE)
            assert reader.states() == states
            assert (labels_of(reader) == 1).all()
            assert len(reader.labelled_planes()) == 1
        assert (labels_of(reader) == 2).all()
        assert len(reader.labelled_planes()) == 2


def test_a_snapshot_is_let_go_even_after_an_error(folder: Path, project: Project) -> None:
    with pytest.raises(RuntimeError), project.snapshot():
        project.states()
        raise RuntimeError
    with Project.open(folder) as other:
        other.record(1, edit_of(1), SHAPE)
    assert (labels_of(project) == 1).all()


def test_a_new_project_can_be_opened_by_several_at_the_same_moment(folder: Path) -> None:
    barrier, modes = threading.Barrier(4), []

    def open_it() -> None:
        barrier.wait()
        with Project.open(folder), closing(sqlite3.connect(file_of(folder))) as connection:
            modes.append(connection.execute("PRAGMA journal_mode").fetchone()[0])

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert modes == ["wal"] * 4


def test_a_project_that_another_writes_can_be_read(folder: Path, project: Project) -> None:
    project.record(1, edit_of(1), SHAPE)
    with writing(project.place), Project.open(folder) as reader:
        assert (labels_of(reader) == 1).all()


def test_what_is_checkpointed_is_in_the_file_itself(folder: Path, project: Project, tmp_path: Path) -> None:
    project.record(1, edit_of(noise(SHAPE)), SHAPE)
    project.checkpoint()
    (tmp_path / "copy").mkdir()
    shutil.copy(file_of(folder), tmp_path / "copy" / "project.sqlite")
    with Project.open(folder, place=tmp_path / "copy") as copied:
        np.testing.assert_array_equal(labels_of(copied), noise(SHAPE))


# Where it can't be kept, and files that are none


def test_the_project_lies_beside_the_slides_or_where_it_is_put(tmp_path: Path) -> None:
    slides, elsewhere = tmp_path / "slides", tmp_path / "else" / "where"
    slides.mkdir()
    with Project.open(slides) as project:
        assert project.place == slides / "unet-studio"
    with Project.open(slides, place=elsewhere) as project:
        assert (project.folder, project.place) == (slides, elsewhere)
    assert (elsewhere / "project.sqlite").is_file()


def test_a_file_in_the_way_of_the_project_asks_for_another_place(folder: Path) -> None:
    (folder / PLACE_NAME).write_text("in the way")
    with pytest.raises(ProjectPlaceError, match="Choose another place"):
        Project.open(folder)


def test_a_folder_in_the_way_of_the_file_asks_for_another_place(folder: Path) -> None:
    file_of(folder).mkdir(parents=True)
    with pytest.raises(ProjectPlaceError, match="Choose another place"):
        Project.open(folder)


def test_a_folder_that_refuses_asks_for_another_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ProjectPlaceError, match=r"\(Permission denied\)\. Choose another place"):
        Project.open(folder)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions don't bind root")
def test_a_folder_without_permission_asks_for_another_place(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        with pytest.raises(ProjectPlaceError, match="Choose another place"):
            Project.open(folder)
    finally:
        folder.chmod(0o755)


def test_a_project_of_a_newer_version_is_refused_and_left_alone(folder: Path) -> None:
    Project.open(folder).close()
    execute(folder, "PRAGMA user_version = 99")
    content = file_of(folder).read_bytes()
    with pytest.raises(ProjectError, match=r"newer U-Net Studio \(format 99.*Update the program"):
        Project.open(folder)
    assert file_of(folder).read_bytes() == content


@pytest.fixture
def well_filled(folder: Path) -> Path:
    """A folder whose project has many pages."""
    with Project.open(folder) as project:
        for number in range(1, 6):
            project.record(number, edit_of(noise(SHAPE, number)), SHAPE)
    return folder


def read_all(folder: Path) -> None:
    with Project.open(folder) as project:
        project.states()
        project.classes()
        project.history()
        project.labelled_planes()
        project.labels(PLANE, SHAPE)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_lost_its_end_is_said_to_be_damaged(well_filled: Path, share: float) -> None:
    content = file_of(well_filled).read_bytes()
    file_of(well_filled).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ProjectError, match=r"damaged.*restore a copy"):
        read_all(well_filled)


@pytest.mark.parametrize("sound", [0, 100, 4096, 40960])
def test_a_file_overwritten_by_noise_is_said_to_be_damaged(well_filled: Path, sound: int) -> None:
    content = file_of(well_filled).read_bytes()
    rest = np.random.default_rng(0).bytes(len(content) - sound)
    file_of(well_filled).write_bytes(content[:sound] + rest)
    with pytest.raises(ProjectError, match=r"damaged.*restore a copy") as caught:
        read_all(well_filled)
    assert not isinstance(caught.value, ProjectPlaceError)


def test_labels_that_decayed_on_the_disk_are_said_to_be_damaged(well_filled: Path) -> None:
    execute(well_filled, "UPDATE label_tile SET data = zeroblob(100)")
    with pytest.raises(ProjectError, match=r"damaged.*restore a copy"):
        read_all(well_filled)


def test_a_damaged_file_is_left_as_it_is_and_can_be_replaced_by_a_copy(well_filled: Path) -> None:
    content = file_of(well_filled).read_bytes()
    file_of(well_filled).write_bytes(b"something else" * 1000)
    with pytest.raises(ProjectError):
        Project.open(well_filled)
    assert file_of(well_filled).read_bytes() == b"something else" * 1000
    file_of(well_filled).write_bytes(content)
    read_all(well_filled)
