"""The errors a person may meet: each message says what happened, what was expected and what to do next."""


class StudioError(Exception):
    """Something the user can act on; the command line prints it without a traceback and exits with 1."""


class PathError(StudioError):
    """A name that a file gave leads out of the folder that it belongs to."""


class SlideError(StudioError):
    """A slide can't be read, or isn't what its project remembers of it."""


class SlideClosedError(SlideError):
    """A slide was closed while something still read from it; who closed it no longer needs the answer."""


class ProjectError(StudioError):
    """A project can't be opened, created or written."""


class ProjectPlaceError(ProjectError):
    """The project can't be kept beside its slides: ask for another place."""


class StoreMissingError(ProjectError):
    """What people did in a project is gone: its store was removed or emptied."""


class StoredDataError(ProjectError):
    """A part of a project makes no sense, such as the labels of one plane; all else can be read and written."""


class ProjectReadOnlyError(ProjectError):
    """Nothing can be written to this project now, but it can be looked at."""


class ProjectInUseError(ProjectReadOnlyError):
    """Another window or command is writing to this project."""


class FilesThereError(StudioError):
    """An export would replace files that this program didn't write; `number` says how many."""

    def __init__(self, sentence: str, number: int) -> None:
        super().__init__(sentence)
        self.number = number


class MaskError(StudioError):
    """A mask file doesn't fit its slide or the project's classes."""


class IncompleteMaskError(StudioError):
    """The mask of a plane isn't whole: what its labels were made on is missing, or there in part only."""


class RegionError(StudioError):
    """What was pointed at is too large for one edit."""


class ModelError(StudioError):
    """A model can't be found, read, or used for this project."""


class RecipeError(StudioError):
    """A recipe has an unknown key or a value out of range."""


class ProtocolError(StudioError):
    """A line between window and worker is no message, or of another version of the protocol.

    `request` is the id of the request that it was about, or 0 where that can't be told.
    """

    def __init__(self, sentence: str, *, request: int = 0, other_version: bool = False) -> None:
        super().__init__(sentence)
        self.request = request
        self.other_version = other_version


class Cancelled(StudioError):  # noqa: N818 - asked for by the user, not a fault
    """The user stopped the job; what was finished before stays."""


class UnexpectedError(StudioError):
    """An unexpected exception, in words; the log has the traceback."""

    def __init__(self, doing: str, error: BaseException) -> None:
        if is_out_of_memory(error):
            reason = "the computer ran out of memory; close other programs or work on smaller slides, then try again"
        else:
            reason = f"{type(error).__name__}: {str(error).rstrip('.') or 'no reason given'}"
        super().__init__(f"Something unexpected went wrong: {doing} failed ({reason}). No label was changed by it.")


OUT_OF_MEMORY = "The network ran out of memory. Close other programs or use a smaller model, then try again."
_SAID_OF_MEMORY = (
    "resource_exhausted",  # JAX
    "out of memory",  # PyTorch on CUDA and on Apple's cards
    "can't allocate memory",  # PyTorch on a CPU
    "alloc_failed",  # cuBLAS and cuDNN
    "dst tensor is not initialized",  # TensorFlow, while it copies to a full card
)


def is_out_of_memory(error: BaseException) -> bool:
    """TensorFlow says ResourceExhaustedError, PyTorch OutOfMemoryError or, as JAX does, only writes so."""
    if isinstance(error, MemoryError) or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return True
    return any(said in str(error).lower() for said in _SAID_OF_MEMORY)
