"""A report as a PDF, by Qt's rich text; needs no window, only Qt."""

import os
from pathlib import Path

from PySide6.QtCore import QMarginsF, QSizeF
from PySide6.QtGui import QGuiApplication, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from unet_studio.core.files import write_atomically
from unet_studio.errors import StudioError

_MARGIN_MM = 18.0


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
    document = QTextDocument()
    document.documentLayout().setPaintDevice(writer)
    area = writer.pageLayout().paintRectPixels(writer.resolution())
    document.setPageSize(QSizeF(area.size()))
    document.setHtml(html)
    document.print_(writer)
