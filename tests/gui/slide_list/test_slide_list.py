"""The slide list: states by shape and word, thumbnails only where one looks, no choice that nobody made."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QListView, QProgressBar

from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.scoring.plane_figures import PlaneFigures
from unet_studio.errors import SlideError
from unet_studio.gui.background import Background
from unet_studio.gui.controls.theme import apply_theme
from unet_studio.gui.slide_list.model import SlideRole
from unet_studio.gui.slide_list.slide_list import SlideListModel, SlideListPanel, SlideStatus
from unet_studio.gui.slide_list.sorting import SlideSort

_SLIDES = ("s001.tif", "s002.tif", "sub/s003.tif", "sub/s004.tif")
_REVIEWED = SlideStatus(PlaneState.REVIEWED)


class _Reader:
    """Reads thumbnails of one colour and remembers which; slides named bad… can't be read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, slide: str) -> QImage:
        self.read.append(slide)
        if slide.startswith("bad"):
            raise SlideError(f"'{slide}' can't be read: it ends too early.")
        image = QImage(300, 150, QImage.Format.Format_RGB32)
        image.fill(QColor("#cc79a7"))
        return image


@pytest.fixture
def reader() -> _Reader:
    return _Reader()


@pytest.fixture
def model(background: Background, reader: _Reader) -> SlideListModel:
    model = SlideListModel(background, reader)
    model.set_slides(_SLIDES)
    return model


@pytest.fixture
def panel(qtbot, model: SlideListModel) -> SlideListPanel:
    panel = SlideListPanel(model)
    qtbot.addWidget(panel)
    panel.resize(280, 420)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def _view(panel: SlideListPanel) -> QListView:
    (view,) = (view for view in panel.findChildren(QListView) if view.itemDelegate().inherits("SlideListDelegate"))
    return view


def _rows(panel: SlideListPanel) -> list[str]:
    rows = _view(panel).model()
    return [rows.index(row, 0).data() for row in range(rows.rowCount())]


def _filter(panel: SlideListPanel, text: str) -> None:
    field = panel.findChild(QLineEdit)
    field.clear()
    QTest.keyClicks(field, text)


def _click_row(panel: SlideListPanel, row: int) -> None:
    view = _view(panel)
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def _chosen(panel: SlideListPanel) -> list[str]:
    """The slides chosen from now on."""
    chosen: list[str] = []
    panel.slide_chosen.connect(chosen.append)
    return chosen


_FIGURES = {
    "s001.tif": PlaneFigures(0.1, 0.5, 0.9),
    "s002.tif": PlaneFigures(0.3, 0.1, None),
    "sub/s004.tif": PlaneFigures(0.2, None, 0.5),
}


# The model


def test_the_model_keeps_the_rules_of_models(qtmodeltester, model: SlideListModel) -> None:
    qtmodeltester.check(model)


def test_the_filtered_model_keeps_them_too(qtmodeltester, panel: SlideListPanel) -> None:
    qtmodeltester.check(_view(panel).model())


def test_a_row_says_all_it_knows(model: SlideListModel) -> None:
    model.set_status("s002.tif", SlideStatus(PlaneState.CORRECTED, "3 of 30 planes reviewed"))
    row = model.index(1)

    assert row.data() == row.data(SlideRole.PATH) == "s002.tif"
    assert row.data(SlideRole.STATE) == PlaneState.CORRECTED
    assert row.data(SlideRole.DETAIL) == "3 of 30 planes reviewed"
    assert row.data(Qt.ItemDataRole.AccessibleTextRole) == "s002.tif, corrected, 3 of 30 planes reviewed"


def test_a_status_of_a_slide_that_left_is_passed_over(qtbot, model: SlideListModel) -> None:
    with qtbot.assertNotEmitted(model.dataChanged):
        model.set_status("gone.tif", _REVIEWED)

    assert model.reviewed == 0


def test_many_statuses_are_one_change(qtbot, model: SlideListModel) -> None:
    with qtbot.waitSignal(model.dataChanged) as changed:
        model.set_statuses({"s002.tif": _REVIEWED, "sub/s004.tif": _REVIEWED})

    assert [index.row() for index in changed.args[:2]] == [1, 3]
    assert model.reviewed == 2


def test_a_thumbnail_is_read_once_and_kept_small(qtbot, model: SlideListModel, reader: _Reader) -> None:
    row = model.index(0)
    assert row.data(SlideRole.THUMBNAIL) is None
    assert reader.read == []

    with qtbot.waitSignal(model.dataChanged):
        assert row.data(Qt.ItemDataRole.DecorationRole) is None
    thumbnail = row.data(Qt.ItemDataRole.DecorationRole)

    assert (thumbnail.width(), thumbnail.height()) == (96, 48)
    assert reader.read == ["s001.tif"]


def test_an_unreadable_slide_says_why_and_is_not_tried_again(qtbot, model: SlideListModel, reader: _Reader) -> None:
    model.set_slides(("bad.tif",))
    row = model.index(0)

    with qtbot.waitSignal(model.thumbnail_failed) as failed:
        row.data(Qt.ItemDataRole.DecorationRole)
    row.data(Qt.ItemDataRole.DecorationRole)
    model.set_status("bad.tif", SlideStatus(PlaneState.PROPOSED))

    assert failed.args == ["bad.tif", "'bad.tif' can't be read: it ends too early."]
    assert row.data(SlideRole.PROBLEM) == "'bad.tif' can't be read: it ends too early."
    assert row.data(Qt.ItemDataRole.AccessibleTextRole).startswith("bad.tif, proposed, 'bad.tif' can't be read")
    assert reader.read == ["bad.tif"]


def test_thumbnails_of_the_last_folder_never_reach_this_one(
    qtbot, background: Background, model: SlideListModel
) -> None:
    model.index(0).data(Qt.ItemDataRole.DecorationRole)
    model.set_slides(_SLIDES)
    done: list[object] = []
    background.run("nothing", lambda: None, done.append)
    qtbot.waitUntil(lambda: bool(done))

    assert model.index(0).data(SlideRole.THUMBNAIL) is None


def test_what_was_scrolled_past_is_given_up_and_asked_for_again(qtbot, background: Background, reader: _Reader) -> None:
    jobs: list[Callable[[], object]] = []
    background.run = lambda _, function, then, **__: jobs.append(lambda: then(function()))  # type: ignore[method-assign]
    model = SlideListModel(background, reader)
    model.set_slides(tuple(f"{n}.tif" for n in range(150)))
    for row in range(150):
        model.index(row).data(Qt.ItemDataRole.DecorationRole)
    for job in jobs:
        job()
    assert reader.read == [f"{n}.tif" for n in range(50, 150)]

    model.index(0).data(Qt.ItemDataRole.DecorationRole)
    jobs[-1]()

    assert model.index(0).data(SlideRole.THUMBNAIL) is not None


def test_only_so_many_thumbnails_are_kept(background: Background, reader: _Reader) -> None:
    background.run = lambda _, function, then, **__: then(function())  # type: ignore[method-assign]
    model = SlideListModel(background, reader)
    model.set_slides(tuple(f"{n}.tif" for n in range(510)))
    for row in range(510):
        model.index(row).data(Qt.ItemDataRole.DecorationRole)

    kept = [row for row in range(510) if model.index(row).data(SlideRole.THUMBNAIL) is not None]
    assert kept == list(range(10, 510))


# The panel


def test_a_click_chooses(panel: SlideListPanel) -> None:
    chosen = _chosen(panel)

    _click_row(panel, 2)

    assert chosen == ["sub/s003.tif"]
    assert panel.current() == "sub/s003.tif"


def test_keys_choose(panel: SlideListPanel) -> None:
    panel.select("s001.tif")
    chosen = _chosen(panel)

    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_End):
        QTest.keyClick(_view(panel), key)

    assert chosen == ["s002.tif", "sub/s003.tif", "s002.tif", "sub/s004.tif"]


def test_select_has_no_echo(panel: SlideListPanel) -> None:
    chosen = _chosen(panel)

    panel.select("sub/s003.tif")

    assert chosen == []
    assert panel.current() == _view(panel).currentIndex().data() == "sub/s003.tif"


def test_the_focus_alone_chooses_nothing(panel: SlideListPanel, qtbot) -> None:
    chosen = _chosen(panel)
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)

    _view(panel).setFocus()

    assert _view(panel).hasFocus()
    assert chosen == []
    assert panel.current() is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("S00", list(_SLIDES)),
        ("sub", ["sub/s003.tif", "sub/s004.tif"]),
        ("reviewed", ["s002.tif", "sub/s004.tif"]),
        ("reviewed sub", ["sub/s004.tif"]),
        ("nothing", []),
    ],
)
def test_the_filter_knows_names_and_states(panel: SlideListPanel, text: str, left: list[str]) -> None:
    panel.set_statuses({"s002.tif": _REVIEWED, "sub/s004.tif": _REVIEWED})

    _filter(panel, text)

    assert _rows(panel) == left


def test_a_state_can_be_picked(panel: SlideListPanel) -> None:
    panel.set_status("s002.tif", _REVIEWED)
    states = panel.findChild(QComboBox)

    QTest.keyClick(states, Qt.Key.Key_End)
    assert states.currentText() == "reviewed"
    assert _rows(panel) == ["s002.tif"]

    QTest.keyClick(states, Qt.Key.Key_Home)
    assert _rows(panel) == list(_SLIDES)


def test_filtering_chooses_nothing_and_forgets_nothing(panel: SlideListPanel) -> None:
    panel.select("s002.tif")
    chosen = _chosen(panel)

    _filter(panel, "sub")
    assert panel.current() == "s002.tif"
    assert not _view(panel).selectionModel().hasSelection()

    _filter(panel, "")
    assert _view(panel).currentIndex().data() == "s002.tif"
    assert chosen == []


def test_return_goes_on_to_what_was_found(panel: SlideListPanel, qtbot) -> None:
    chosen = _chosen(panel)
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)

    _filter(panel, "sub")
    QTest.keyClick(panel.findChild(QLineEdit), Qt.Key.Key_Return)

    assert chosen == ["sub/s003.tif"]
    assert _view(panel).hasFocus()


def test_the_list_holds_still_while_one_works_through_it(panel: SlideListPanel) -> None:
    panel.set_statuses({slide: SlideStatus(PlaneState.PROPOSED) for slide in _SLIDES[1:]})
    _filter(panel, "proposed")
    panel.select("s002.tif")
    chosen = _chosen(panel)

    panel.set_status("s002.tif", _REVIEWED)

    assert _rows(panel) == list(_SLIDES[1:])
    assert panel.next_slide() == "sub/s003.tif"
    assert chosen == []


def test_next_and_previous_keep_to_the_filter(panel: SlideListPanel) -> None:
    assert (panel.next_slide(), panel.previous_slide()) == ("s001.tif", "sub/s004.tif")

    panel.select("s001.tif")
    assert (panel.next_slide(), panel.previous_slide()) == ("s002.tif", None)

    panel.set_statuses({"s001.tif": _REVIEWED, "sub/s004.tif": _REVIEWED})
    _filter(panel, "reviewed")
    assert (panel.next_slide(), panel.previous_slide()) == ("sub/s004.tif", None)

    panel.select("sub/s003.tif")  # filtered out, and yet one is somewhere
    assert (panel.next_slide(), panel.previous_slide()) == ("sub/s004.tif", "s001.tif")


def test_the_footer_counts_what_is_reviewed(panel: SlideListPanel) -> None:
    panel.set_statuses({"s001.tif": _REVIEWED, "s002.tif": SlideStatus(PlaneState.CORRECTED)})

    assert "1 of 4 reviewed" in [label.text() for label in panel.findChildren(QLabel)]
    bar = panel.findChild(QProgressBar)
    assert (bar.value(), bar.maximum()) == (1, 4)


def test_an_empty_list_says_what_to_do(panel: SlideListPanel) -> None:
    _filter(panel, "nothing like it")
    assert "No slide matches the filter." in _visible_texts(panel)

    panel.set_slides(())
    assert "The slides of a folder are listed here once you open one." in _visible_texts(panel)


def test_new_slides_start_unfiltered_and_unchosen(panel: SlideListPanel) -> None:
    _filter(panel, "sub")
    panel.select("sub/s003.tif")

    panel.set_slides(("x.tif", "y.tif"))

    assert _rows(panel) == ["x.tif", "y.tif"]
    assert panel.current() is None


def test_only_rows_in_view_are_read(panel: SlideListPanel, reader: _Reader, qtbot) -> None:
    slides = tuple(f"{n:05}.tif" for n in range(10_000))
    panel.set_slides(slides)
    _view(panel).grab()

    qtbot.waitUntil(lambda: slides[0] in reader.read)
    assert set(reader.read) <= {*_SLIDES, *slides[:12]}

    panel.select(slides[5000])
    qtbot.waitUntil(lambda: slides[5000] in reader.read)
    assert set(reader.read) <= {*_SLIDES, *slides[:12], *slides[4990:5010]}


# How it looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_looks_different_also_without_its_word(
    qapp: QApplication, panel: SlideListPanel, scheme: str
) -> None:
    apply_theme(qapp, scheme)
    panel.set_slides(tuple(f"{state}.tif" for state in PlaneState))
    panel.set_statuses({f"{state}.tif": SlideStatus(state) for state in PlaneState})
    view = _view(panel)
    shot = view.viewport().grab().toImage()
    ground = view.palette().base().color().lightness()

    inked = []
    for row in range(len(PlaneState)):
        area = view.visualRect(view.model().index(row, 0))
        left = area.left() + 64  # where the shape is: after the thumbnail and two paddings
        pixels = ((x, y) for x in range(left, left + 13) for y in range(area.center().y(), area.bottom() - 8))
        inked.append(sum(abs(shot.pixelColor(x, y).lightness() - ground) > 60 for x, y in pixels))

    assert inked == sorted(set(inked)), "each further state fills more of the circle"


def test_the_thumbnail_is_drawn(panel: SlideListPanel, model: SlideListModel, qtbot) -> None:
    view = _view(panel)
    qtbot.waitUntil(lambda: model.index(0).data(SlideRole.THUMBNAIL) is not None)

    place = view.visualRect(view.model().index(0, 0)).topLeft() + QPoint(32, 32)
    assert view.viewport().grab().toImage().pixelColor(place) == QColor("#cc79a7")


def test_long_names_and_problems_fit(panel: SlideListPanel, qtbot) -> None:
    long = "bad/" * 30 + "x" * 300 + ".tif"
    panel.set_slides((long,))

    qtbot.waitUntil(lambda: _view(panel).model().index(0, 0).data(SlideRole.PROBLEM) != "")

    assert not _view(panel).horizontalScrollBar().isVisible()
    assert not _view(panel).grab().isNull()


def _visible_texts(panel: SlideListPanel) -> list[str]:
    return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]


def test_no_row_has_children(model: SlideListModel) -> None:
    assert model.rowCount(model.index(0)) == 0
    assert model.data(QModelIndex()) is None


# Sorting


@pytest.mark.parametrize(
    "sort, expected",
    [
        (SlideSort.UNCERTAIN, ["s002.tif", "sub/s004.tif", "s001.tif", "sub/s003.tif"]),
        (SlideSort.CHANGED, ["s001.tif", "s002.tif", "sub/s003.tif", "sub/s004.tif"]),
        (SlideSort.DISAGREEING, ["sub/s004.tif", "s001.tif", "s002.tif", "sub/s003.tif"]),
        (SlideSort.FOLDER, list(_SLIDES)),
    ],
)
def test_slides_are_sorted_by_what_is_known_and_the_others_come_last(
    panel: SlideListPanel, sort: SlideSort, expected: list[str]
) -> None:
    panel.set_figures(_FIGURES, True)
    panel.sort_by(sort)
    assert _rows(panel) == expected


def test_the_neighbours_are_those_of_the_sorted_list_and_the_choice_stays(panel: SlideListPanel) -> None:
    panel.set_figures(_FIGURES, True)
    panel.select("sub/s004.tif")
    chosen = _chosen(panel)
    panel.sort_by(SlideSort.UNCERTAIN)
    assert (panel.previous_slide(), panel.next_slide()) == ("s002.tif", "s001.tif")
    assert panel.following(5) == ["s001.tif", "sub/s003.tif"]
    assert _view(panel).currentIndex().data() == "sub/s004.tif"
    assert chosen == []


def test_a_sorted_list_is_filtered_too(panel: SlideListPanel) -> None:
    panel.set_figures(_FIGURES, True)
    panel.sort_by(SlideSort.UNCERTAIN)
    _filter(panel, "sub")
    assert _rows(panel) == ["sub/s004.tif", "sub/s003.tif"]


def test_it_holds_still_while_single_slides_change_and_is_sorted_anew_when_all_did(panel: SlideListPanel) -> None:
    panel.set_figures(_FIGURES, True)
    panel.sort_by(SlideSort.UNCERTAIN)
    panel.set_figures({"s001.tif": PlaneFigures(0.9)}, False)
    assert _rows(panel)[0] == "s002.tif"
    panel.set_figures({"s001.tif": PlaneFigures(0.9)}, True)
    assert _rows(panel) == ["s001.tif", "s002.tif", "sub/s003.tif", "sub/s004.tif"]


def test_figures_are_told_quietly_and_the_one_that_sorts_in_the_row(
    panel: SlideListPanel, model: SlideListModel
) -> None:
    panel.set_figures(_FIGURES, True)
    row = model.index(0)
    assert row.data(SlideRole.DETAIL) == ""
    told = "s001.tif, new, uncertainty 0.100, 50.0% changed since the model before, agreement with your labels 0.900"
    assert row.data(Qt.ItemDataRole.AccessibleTextRole) == told
    assert row.data(Qt.ItemDataRole.ToolTipRole) == told.replace(", ", "\n")
    panel.sort_by(SlideSort.CHANGED)
    assert model.index(0).data(SlideRole.DETAIL) == "50.0%"


def test_the_audit_sample_is_marked_and_can_be_filtered_for(panel: SlideListPanel, model: SlideListModel) -> None:
    panel.set_audit({"s002.tif"})
    assert model.index(1).data(SlideRole.DETAIL) == "audit"
    assert "audit sample" in model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    _filter(panel, "audit")
    assert _rows(panel) == ["s002.tif"]


def test_the_sorted_model_keeps_them_as_well(qtmodeltester, panel: SlideListPanel, model: SlideListModel) -> None:
    panel.set_figures(_FIGURES, True)
    qtmodeltester.check(_view(panel).model())
    panel.sort_by(SlideSort.UNCERTAIN)
    panel.sort_by(SlideSort.FOLDER)
    qtmodeltester.check(model)
