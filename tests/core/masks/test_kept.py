"""A plane that was corrected keeps the proposal that it was corrected on, through copies, models and crashes."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import UNKNOWN_PROPOSAL, PlaneId, PlaneState
from unet_studio.core.masks import kept
from unet_studio.core.masks.kept import find_kept, find_under, kept_file, record_over, settle
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import Proposal, find_proposal, part_file, proposal_file, slide_stamp
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.errors import IncompleteMaskError, ProjectError, SlideError

SHAPE = (64, 64)
WHOLE = Box.of_shape(SHAPE)
A, B = PlaneId("a.png"), PlaneId("sub/c.png")
Mask = NDArray[np.uint8]


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.open(folder) as opened:
        yield opened


def propose(project: Project, model: str, columns: int, plane: PlaneId = A, *, stamp: str = "") -> Proposal:
    """Have a model propose foreground on so many columns at the left."""
    values = np.zeros((*SHAPE, 1), np.uint8)
    values[:, :columns] = 255
    file = proposal_file(project.place, model, plane)
    write_proposal(file, SHAPE, 1, [(0, values)], stamp=stamp or slide_stamp(project.folder / plane.slide))
    found = find_proposal(project.place, model, plane)
    assert found is not None
    return found


def stroke(row: int, *, value: int = 1, before: Mask | None = None) -> Edit:
    """An edit that labels one row of the plane A."""
    old = np.full(SHAPE, UNLABELLED, np.uint8) if before is None else before
    new = old.copy()
    new[row] = value
    states = (PlaneState.NEW if before is None else PlaneState.CORRECTED), PlaneState.CORRECTED
    edit = make_edit(A, WHOLE, old, new, "row", state_before=states[0], state_after=states[1])
    assert edit is not None
    return edit


def corrected(project: Project) -> Mask:
    """Correct the first row of a proposal of 20 columns; the mask."""
    project.set_setting("active_model", "first")
    propose(project, "first", 20)
    record_over(project, stroke(0), SHAPE)
    mask = mask_of(project)
    assert np.count_nonzero(mask) == 64 + 63 * 20
    return mask


def mask_of(project: Project, plane: PlaneId = A) -> Mask:
    return view_plane(project, plane, SHAPE).read(WHOLE)


def make_older(folder: Path, *, version_of_proposals: bool = True) -> None:
    """Make of a project one of version 2, in which no plane names a proposal."""
    file = folder / PLACE_NAME / "project.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("ALTER TABLE plane DROP COLUMN proposal")
        connection.execute("ALTER TABLE edit_plane DROP COLUMN proposal_before")
        connection.execute("ALTER TABLE edit_plane DROP COLUMN proposal_after")
        connection.execute("PRAGMA user_version = 2")
    shutil.rmtree(folder / PLACE_NAME / "kept", ignore_errors=True)
    for proposal in (folder / PLACE_NAME / "proposals").rglob("*.tiles") if version_of_proposals else ():
        slide = folder / proposal.parent.relative_to(folder / PLACE_NAME / "proposals/first")
        stamp = f"{slide.stat().st_size}-{slide.stat().st_mtime_ns}"
        with closing(sqlite3.connect(proposal)) as connection, connection:
            connection.execute("ALTER TABLE proposal DROP COLUMN version")
            connection.execute("UPDATE proposal SET slide_stamp = ?", (stamp,))


# What stays


def test_the_mask_stays_whichever_model_is_active_and_proposes_and_when_the_cache_is_gone(project: Project) -> None:
    mask = corrected(project)
    project.set_setting("active_model", "second")
    np.testing.assert_array_equal(mask_of(project), mask)
    propose(project, "second", 50)
    np.testing.assert_array_equal(mask_of(project), mask)
    propose(project, "first", 60)
    np.testing.assert_array_equal(mask_of(project), mask)
    shutil.rmtree(project.place / "proposals")
    np.testing.assert_array_equal(mask_of(project), mask)


def test_the_mask_stays_in_a_copy_of_the_folder_with_other_times(project: Project, tmp_path: Path) -> None:
    mask = corrected(project)
    untouched = propose(project, "first", 30, B)
    project.close()
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(project.folder, copy, copy_function=shutil.copyfile)
    for file in copy.rglob("*"):
        os.utime(file, ns=(10**18, 10**18))
    with Project.open(copy) as moved:
        np.testing.assert_array_equal(mask_of(moved), mask)
        view = view_plane(moved, B, SHAPE)
        assert view.proposal is not None and view.proposal.id == untouched.id


def test_taking_the_first_stroke_back_has_the_plane_follow_the_active_model_and_redo_brings_the_kept_one_back(
    project: Project,
) -> None:
    mask = corrected(project)
    propose(project, "second", 50)
    project.set_setting("active_model", "second")
    project.undo(1)
    assert project.kept_proposals() == {}
    assert np.count_nonzero(mask_of(project)) == 64 * 50
    project.redo(1)
    np.testing.assert_array_equal(mask_of(project), mask)
    (entry,) = project.history()
    change = entry.edit.change.proposal
    assert change is not None and change.before is None
    assert change.after == project.kept_proposal(A)


def test_a_second_stroke_keeps_nothing_new(project: Project) -> None:
    corrected(project)
    first = project.kept_proposal(A)
    project.set_setting("active_model", "second")
    propose(project, "second", 50)
    record_over(project, stroke(5, before=project.labels(A, SHAPE).read(WHOLE)), SHAPE)
    assert project.kept_proposal(A) == first
    assert project.history()[-1].edit.change.proposal is None


def test_what_was_labelled_before_anything_was_proposed_keeps_the_first_proposal_that_comes(project: Project) -> None:
    project.set_setting("active_model", "first")
    record_over(project, stroke(0), SHAPE)
    assert project.kept_proposal(A) is None
    assert settle(project) == ()
    propose(project, "first", 20)
    assert settle(project) == (A,)
    mask = mask_of(project)
    propose(project, "second", 50)
    project.set_setting("active_model", "second")
    assert settle(project) == ()
    np.testing.assert_array_equal(mask_of(project), mask)
    project.undo(1)
    assert project.kept_proposal(A) is None


# How it is kept


def test_keeping_costs_no_room_where_a_file_can_have_two_names(project: Project) -> None:
    corrected(project)
    found = find_kept(project, A)
    assert found is not None
    assert found.file.is_relative_to(project.place / "kept" / "first" / "a.png")
    assert found.file.stat().st_ino == proposal_file(project.place, "first", A).stat().st_ino


def test_where_a_file_cant_have_two_names_it_is_copied(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(kept.os, "link", link)
    mask = corrected(project)
    shutil.rmtree(project.place / "proposals")
    np.testing.assert_array_equal(mask_of(project), mask)
    assert [file.suffix for file in (project.place / "kept").rglob("*") if file.is_file()] == [".tiles"]


def test_a_crash_before_the_edit_is_recorded_leaves_the_project_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    project.set_setting("active_model", "first")
    proposal = propose(project, "first", 20)
    monkeypatch.setattr(Project, "record", crash)
    with pytest.raises(KeyboardInterrupt):
        record_over(project, stroke(0), SHAPE)
    monkeypatch.undo()
    assert kept_file(project.place, A, proposal.id).is_file(), "the file is there first"
    with Project.open(project.folder) as again:
        assert again.states() == {} and again.kept_proposals() == {} and again.history() == []
        record_over(again, stroke(0), SHAPE)
        assert again.kept_proposal(A) == proposal.id


def test_a_full_disk_while_keeping_leaves_the_project_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept.os, "link", link)
    project.set_setting("active_model", "first")
    propose(project, "first", 20)
    with pytest.raises(OSError, match="No space left"):
        record_over(project, stroke(0), SHAPE)
    assert project.states() == {}


def test_where_a_proposal_was_just_replaced_the_other_one_is_kept(project: Project) -> None:
    project.set_setting("active_model", "first")
    proposal = propose(project, "first", 20)
    edit = kept.with_proposals(stroke(0), {}, {A: proposal})
    propose(project, "first", 30)
    kept.record(project, 1, edit, SHAPE, made_on={A: proposal})
    assert np.count_nonzero(mask_of(project)) == 64 + 63 * 30
    propose(project, "first", 40)
    assert np.count_nonzero(mask_of(project)) == 64 + 63 * 30


def test_a_proposal_that_was_gone_before_it_could_be_kept_holds_no_stroke_up(project: Project) -> None:
    project.set_setting("active_model", "first")
    proposal = propose(project, "first", 20)
    edit = kept.with_proposals(stroke(0), {}, {A: proposal})
    proposal.file.unlink()
    kept.record(project, 1, edit, SHAPE, made_on={A: proposal})
    assert project.states() == {A: PlaneState.CORRECTED}
    with pytest.raises(IncompleteMaskError, match=r"by 'first' that 'a\.png' was corrected on is missing"):
        mask_of(project)


# What is missing is said


def test_a_kept_proposal_that_is_gone_or_damaged_is_said_and_the_labels_stay(project: Project) -> None:
    mask = corrected(project)
    found = find_kept(project, A)
    assert found is not None
    shutil.rmtree(project.place / "proposals")
    content = found.file.read_bytes()
    found.file.write_bytes(content[:100])
    with pytest.raises(IncompleteMaskError, match=r"missing or damaged.*labels are kept"):
        mask_of(project)
    assert find_kept(project, A) is None
    found.file.unlink()
    with pytest.raises(IncompleteMaskError, match="missing or damaged"):
        mask_of(project)
    assert np.count_nonzero(project.labels(A, SHAPE).read(WHOLE) != UNLABELLED) == 64
    propose(project, "first", 20)
    np.testing.assert_array_equal(mask_of(project), mask)  # the same again


def test_a_damaged_tile_of_a_kept_proposal_is_said_when_it_is_read(project: Project) -> None:
    corrected(project)
    found = find_kept(project, A)
    assert found is not None
    with closing(sqlite3.connect(found.file)) as connection, connection:
        connection.execute("UPDATE tile SET data = x'00'")
    with pytest.raises(ProjectError, match=r"of 'a\.png' can't be read"):
        mask_of(project)


def test_a_plane_that_is_labelled_all_over_needs_no_proposal(project: Project) -> None:
    corrected(project)
    before = project.labels(A, SHAPE).read(WHOLE)
    full = np.where(before == UNLABELLED, np.uint8(0), before)
    edit = make_edit(A, WHOLE, before, full, "all", state_before=PlaneState.CORRECTED, state_after=PlaneState.REVIEWED)
    assert edit is not None
    record_over(project, edit, SHAPE)
    found = find_kept(project, A)
    assert found is not None, "it says what a model had proposed of it"
    shutil.rmtree(project.place / "kept")
    shutil.rmtree(project.place / "proposals")
    np.testing.assert_array_equal(mask_of(project), full)


def test_a_mask_that_is_proposed_only_in_part_is_said(project: Project) -> None:
    project.set_setting("active_model", "first")
    propose(project, "first", 20)
    proposal_file(project.place, "first", A).rename(part_file(project.place, "first", A))
    record_over(project, stroke(0), SHAPE)
    with pytest.raises(IncompleteMaskError, match=r"Only a part of 'a\.png' is proposed so far"):
        mask_of(project)
    assert project.kept_proposal(A) is None
    propose(project, "first", 20)
    assert settle(project) == (A,)


def test_a_slide_that_is_gone_is_said(project: Project) -> None:
    corrected(project)
    (project.folder / "a.png").unlink()
    with pytest.raises(SlideError, match=r"'a\.png' is no longer there"):
        mask_of(project)


# Projects of before


def test_an_older_project_loses_nothing_and_keeps_what_it_can_find(project: Project) -> None:
    mask = corrected(project)
    propose(project, "first", 30, B)
    project.close()
    make_older(project.folder)
    with Project.open(project.folder) as updated:
        assert updated.kept_proposal(A) == UNKNOWN_PROPOSAL
        np.testing.assert_array_equal(mask_of(updated), mask)
        assert find_kept(updated, A) is None
        assert settle(updated) == (A,)
        assert find_kept(updated, A) is not None
        assert view_plane(updated, B, SHAPE).proposal is not None
        updated.set_setting("active_model", "second")
        np.testing.assert_array_equal(mask_of(updated), mask)
        updated.undo(1)
        updated.redo(1)
        updated.set_setting("active_model", "first")
        np.testing.assert_array_equal(mask_of(updated), mask)


@pytest.mark.parametrize("what", ["copied", "other model", "no proposals"])
def test_an_older_project_that_lost_its_proposal_says_so(project: Project, what: str) -> None:
    corrected(project)
    project.close()
    make_older(project.folder)
    if what == "copied":
        os.utime(project.folder / "a.png", ns=(1, 1))
    if what == "no proposals":
        with closing(sqlite3.connect(project.place / "project.sqlite")) as connection, connection:
            connection.execute("UPDATE edit_plane SET state_before = 'proposed'")
        shutil.rmtree(project.place / "proposals")
    with Project.open(project.folder) as updated:
        if what == "other model":
            updated.set_setting("active_model", "second")
        assert settle(updated) == ()
        with pytest.raises(IncompleteMaskError, match=r"'a\.png' was corrected on a proposal that can't be found"):
            mask_of(updated)
        propose(updated, updated.active_model, 50)
        assert settle(updated) == (A,)
        assert np.count_nonzero(mask_of(updated)) == 64 + 63 * 50


def test_a_plane_of_an_older_project_without_any_proposal_is_as_it_was(project: Project) -> None:
    record_over(project, stroke(0), SHAPE)
    project.close()
    make_older(project.folder)
    with Project.open(project.folder) as updated:
        assert find_under(updated.folder, updated.place, A, updated.kept_proposal(A), model="").problem == ""
        assert np.count_nonzero(mask_of(updated)) == 64


def test_a_slide_with_other_content_gets_no_old_proposal(project: Project) -> None:
    project.set_setting("active_model", "first")
    propose(project, "first", 20)
    cv2.imwrite(str(project.folder / "a.png"), np.full(SHAPE, 7, np.uint8))
    record_over(project, stroke(0), SHAPE)
    assert project.kept_proposal(A) is None
