"""A report as a PDF, by Qt's rich text; needs no window, only Qt."""

import os
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QFont,
    QGuiApplication,
    QPagedPaintDevice,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
    QTextBlock,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextTable,
)

from unet_studio.core.files import write_atomically
from unet_studio.errors import StudioError

_MARGIN_MM = 18.0
_FOOT_INCHES = 0.3
_FOOT_POINTS = 8
_FEW_ROWS = 8
"""A table that has no more rows than these stays whole."""
_LEAST_ROWS = 3
"""The first rows of a longer one, its head among them, that stay together."""


def write_pdf(html: str, path: Path) -> None:
    """Print HTML, with what it shows within it, on A4 pages; raises StudioError where the file can't be written."""
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # a command has no screen to ask for
        application = QGuiApplication([])  # fonts need one; kept until the page is done
    else:
        application = None
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _print(html, beside)
        if not beside.is_file() or not beside.stat().st_size:
            raise StudioError(f"'{path}' could not be written. Choose another folder, or free some space.")
        write_atomically(path, beside.read_bytes())
    except OSError as error:
        raise StudioError(
            f"'{path}' could not be written: {error.strerror or error}. Choose another folder."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
        del application


def _print(html: str, path: Path) -> None:
    writer = QPdfWriter(str(path))
    writer.setTitle("U-Net Studio report")
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
        )
    )
    document = lay_out(html, writer)
    pages, page = document.pageCount(), document.pageSize()
    painter = QPainter(writer)
    if not painter.isActive():
        return  # the file can't be opened, which the caller finds
    for number in range(pages):
        if number:
            writer.newPage()
        painter.save()
        painter.translate(0, -number * page.height())
        document.drawContents(painter, QRectF(QPointF(0, number * page.height()), page))
        painter.restore()
        foot = QRectF(0, page.height(), page.width(), writer.height() - page.height())
        painter.setFont(QFont(document.defaultFont().family(), _FOOT_POINTS))
        where = f"{document.metaInformation(QTextDocument.MetaInformation.DocumentTitle)} · {number + 1} / {pages}"
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, where)
    painter.end()


def lay_out(html: str, device: QPagedPaintDevice) -> QTextDocument:
    """HTML on pages of a device, each with a line left free below it.

    A heading stays with the text and the picture that follow it, a table with the text before it and its head with its
    first rows, and a table of few rows is not parted.
    """
    document = QTextDocument()
    document.setMetaInformation(QTextDocument.MetaInformation.CssMedia, "print")
    document.setDocumentMargin(0)
    document.documentLayout().setPaintDevice(device)
    area = QSizeF(device.pageLayout().paintRectPixels(device.logicalDpiY()).size())
    document.setPageSize(area - QSizeF(0, _FOOT_INCHES * device.logicalDpiY()))
    document.setHtml(html)
    block = document.begin()
    while block.isValid():
        end = _end_of_what_stays_together(block)
        before = block.previous()
        is_first = not before.isValid() or _pages(document, before)[1] < _pages(document, block)[0]
        if not is_first and _pages(document, end)[1] > _pages(document, block)[0]:
            _break_before(block)
            document.markContentsDirty(0, document.characterCount())  # or what follows stays where it was
        block = block.next()
    return document


def _end_of_what_stays_together(block: QTextBlock) -> QTextBlock:
    """The last block that should be on the page of this one."""
    table = _table_at(block)
    if table is not None:
        is_begin = table.cellAt(0, 0).firstCursorPosition().block() == block
        rows = table.rows() if table.rows() <= _FEW_ROWS else _LEAST_ROWS
        return table.cellAt(rows - 1, 0).lastCursorPosition().block() if is_begin else block
    end = following = block.next()
    if not end.isValid():
        return block
    if not block.blockFormat().headingLevel():
        leads_to_table = _table_at(end) is not None and not _has_picture(block)
        return _end_of_what_stays_together(end) if leads_to_table else block
    while following.isValid() and not following.blockFormat().headingLevel():
        if _has_picture(following):
            return following
        following = following.next()
    return _end_of_what_stays_together(end)


def _table_at(block: QTextBlock) -> QTextTable | None:
    return QTextCursor(block).currentTable()


def _has_picture(block: QTextBlock) -> bool:
    return "\ufffc" in block.text()  # stands for an object


def _pages(document: QTextDocument, block: QTextBlock) -> tuple[int, int]:
    """The pages on which a block begins and ends."""
    where, height = document.documentLayout().blockBoundingRect(block), document.pageSize().height()
    return int(where.top() / height), int((where.bottom() - 1) / height)


def _break_before(block: QTextBlock) -> None:
    table = _table_at(block)
    always = QTextFormat.PageBreakFlag.PageBreak_AlwaysBefore
    if table is not None:
        of_table = table.format()
        of_table.setPageBreakPolicy(always)
        table.setFormat(of_table)
    else:
        of_block = block.blockFormat()
        of_block.setPageBreakPolicy(always)
        QTextCursor(block).setBlockFormat(of_block)
