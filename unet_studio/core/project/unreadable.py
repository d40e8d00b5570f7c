"""What of a store makes no sense, told when its folder is opened, before anybody misses it."""

import sqlite3

from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.tiles import TILE
from unet_studio.core.wording import counted, name_some

_STATES = ", ".join(f"'{state}'" for state in PlaneState)
_PLANES = f"""
SELECT slide FROM plane WHERE typeof(slide) != 'text' OR typeof(plane) != 'integer' OR plane < 0
    OR COALESCE(state, '') NOT IN ({_STATES}) OR typeof(proposal) != 'text'
    OR typeof(height) != 'integer' OR height < 1 OR typeof(width) != 'integer' OR width < 1
UNION SELECT slide FROM label_tile LEFT JOIN plane ON plane.id = plane_id WHERE plane.id IS NULL
    OR typeof(data) != 'blob' OR typeof(labelled) != 'integer' OR labelled NOT BETWEEN 1 AND {TILE * TILE}
    OR typeof(tile_row) != 'integer' OR tile_row NOT BETWEEN 0 AND (height - 1) / {TILE}
    OR typeof(tile_column) != 'integer' OR tile_column NOT BETWEEN 0 AND (width - 1) / {TILE}
"""
_EDITS = """
SELECT id FROM edit WHERE typeof(sentence) != 'text' OR typeof(time) != 'text'
UNION SELECT edit_id FROM edit_patch WHERE typeof(before) != 'blob' OR typeof(after) != 'blob'
    OR typeof(y0) != 'integer' OR typeof(x0) != 'integer' OR typeof(y1) != 'integer' OR typeof(x1) != 'integer'
"""


def find_unreadable(db: sqlite3.Connection) -> list[str]:
    """A sentence for the planes, and one for the edits, of which something is of another type or out of range."""
    sentences = []
    slides = sorted(str(slide) for (slide,) in db.execute(_PLANES))
    if slides:
        sentences.append(
            f"What the project keeps of {name_some(slides)} is damaged in part: such labels can't be used, and nothing "
            "is learned from them. All else can; restore a copy of the project from your backup to get them again."
        )
    edits = len(db.execute(_EDITS).fetchall())
    if edits:
        sentences.append(
            f"{counted(edits, 'edit')} of the project {'is' if edits == 1 else 'are'} damaged: what was done before "
            "can't be taken back. The labels themselves are not concerned."
        )
    return sentences
