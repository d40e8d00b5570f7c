"""Pages break where a reader would break them, wherever on a page something comes to stand."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPdfWriter, QTextBlock, QTextCursor, QTextDocument

from unet_studio.gui.printing import lay_out

LINES = range(0, 66, 6)
TEXT = "Each paragraph is some lines long, as sentences are that say what was found and how. " * 3


def picture() -> str:
    image = QImage(600, 280, QImage.Format.Format_RGB32)
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    data = base64.b64encode(held.data()).decode()
    return f'<p><img src="data:image/png;base64,{data}" width="600" height="280"></p>'


def table(rows: int) -> str:
    body = "".join(f"<tr><td>row {row}</td><td>{row}</td></tr>" for row in range(1, rows))
    return f"<table><thead><tr><th>row 0</th><th>n</th></tr></thead><tbody>{body}</tbody></table>"


def pages(document: QTextDocument, block: QTextBlock) -> tuple[int, int]:
    where, height = document.documentLayout().blockBoundingRect(block), document.pageSize().height()
    return int(where.top() // height), int((where.bottom() - 1) // height)


def blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def has_picture(block: QTextBlock) -> bool:
    return any(part.fragment().charFormat().isImageFormat() for part in block)


@pytest.fixture
def device(qapp: QGuiApplication, tmp_path: Path) -> QPdfWriter:
    return QPdfWriter(str(tmp_path / "file.pdf"))


def report(lines: int) -> str:
    filler = "<p>a line</p>" * lines
    return (
        f"<h1>Title</h1>{filler}<h2>First</h2><p>{TEXT}</p>{picture()}{table(30)}<p>{TEXT}</p>{picture()}"
        f"<h2>Second</h2><p>{TEXT}</p>{table(6)}<h2>Third</h2>{table(40)}<h2>Fourth</h2><p>{TEXT}</p>"
    )


@pytest.mark.parametrize("lines", LINES)
def test_what_belongs_together_is_on_one_page(device: QPdfWriter, lines: int) -> None:
    document = lay_out(report(lines), device)
    for block in blocks(document):
        if block.blockFormat().headingLevel():
            (page, end), (follows, _) = pages(document, block), pages(document, block.next())
            assert page == end == follows, f"the heading {block.text()!r} stays with what it is of"
        if block.text() == TEXT.strip() and QTextCursor(block.next()).currentTable() is not None:
            assert pages(document, block)[1] == pages(document, block.next())[0], "a text leads to its table"
        if has_picture(block):
            page, end = pages(document, block)
            assert page == end, "no picture is cut"
        cursor = QTextCursor(block)
        if (of := cursor.currentTable()) is not None and block.text() == "row 0":
            rows = of.rows() if of.rows() <= 8 else 3
            ends = [of.cellAt(row, 0).firstCursorPosition().block() for row in range(rows)]
            assert len({page for end in ends for page in pages(document, end)}) == 1
    first, chart = (next(filter(is_it, blocks(document))) for is_it in (lambda b: b.text() == "First", has_picture))
    assert pages(document, first) == pages(document, chart), "and with its first chart"


@pytest.mark.parametrize("lines", LINES)
def test_every_text_has_its_place_below_the_one_before(device: QPdfWriter, lines: int) -> None:
    document = lay_out(report(lines), device)
    below = 0.0
    for block in blocks(document):
        if not block.text() or QTextCursor(block).currentTable() is not None:
            continue
        where = document.documentLayout().blockBoundingRect(block)
        assert block.layout().lineCount() > 0
        assert where.height() > 0 and where.top() >= below - 1
        below = where.bottom()
    assert document.pageCount() <= pages(document, document.lastBlock())[1] + 1, "no empty page at the end"
