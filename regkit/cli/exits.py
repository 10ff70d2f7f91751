"""What an exception means to the shell: an exit code and what to say on stderr."""

from __future__ import annotations

import errno
import re
import signal
import traceback

import typer

from regkit.cli.stopping import StopRequest
from regkit.errors import RegkitError

USAGE, BUG, PART_FAILED, RESOURCE, UNFIT, INTERRUPTED = 2, 1, 3, 4, 5, 130

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
# PyTorch's CPU allocator raises a bare RuntimeError; this is what its message has in it.
_NO_MEMORY = "can't allocate memory"
_HELPS = (
    "use images with larger voxels, with --similarity mind also --preset fast or a --fixed-mask, "
    "or --device cpu if a GPU ran out"
)

# An argument as the library names it in its advice.
_SWITCHED = {"True": "", "False": "no-"}
_ARGUMENT = re.compile(
    r"\b(allow_shear|assume_ras|channels?|frame|geometry|init|labels|max_bytes|nan|series|spacing"
    r"|structures|threshold)=(True|False|'?([\w.-]+)'?|\(([\w., ]+)\))"
)


def exit_code(error: BaseException) -> int:
    """The exit code for ``error``.

    Examples
    --------
    >>> from regkit.errors import InputError
    >>> exit_code(InputError("a.nii: no")), exit_code(MemoryError()), exit_code(KeyError())
    (2, 4, 1)
    """
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED
    if isinstance(error, StopRequest):
        return error.exit_code
    if isinstance(error, RegkitError):
        return error.exit_code
    if isinstance(error, typer.TyperException):
        return USAGE
    return RESOURCE if _ran_out(error) else BUG


def explain(error: BaseException, *, debug: bool) -> str:
    """What stderr says about ``error``: one line, or a traceback for a bug and for ``debug``.

    Empty for a call without arguments, which has shown the help already.
    """
    code = exit_code(error)
    if isinstance(error, typer.TyperException) and not _message(error):
        return ""
    if code == INTERRUPTED and not isinstance(error, StopRequest):
        error = StopRequest(signal.SIGINT)
    if isinstance(error, StopRequest):
        return error.line
    line = f"regkit: error: {_one_line(error)}"
    if code == BUG:
        line = f"{line}\nregkit: this is a bug in regkit, please report it with the lines above"
    if code == BUG or debug:
        return "".join(traceback.format_exception(error)) + line
    return line


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return f"no space left to write ({error.strerror}); make room or choose another folder"
    if _ran_out(error):
        reason = " ".join(_message(error).split())[:120] or type(error).__name__
        return f"out of memory ({reason}); {_HELPS}"
    return " ".join(in_options(_message(error)).split()) or type(error).__name__


def in_options(text: str) -> str:
    """Advice of the library, in the words of the command line.

    Examples
    --------
    >>> in_options("pass nan=0, geometry='sform' or assume_ras=True")
    'pass --nan 0, --geometry sform or --assume-ras'
    >>> in_options("pass spacing=(0.5, 0.5, 2)")
    'pass --spacing 0.5,0.5,2'
    >>> in_options("pass labels=True or labels=False")
    'pass --labels or --no-labels'
    """
    return _ARGUMENT.sub(_option, text)


def _option(found: re.Match[str]) -> str:
    name = found[1].replace("_", "-")
    if found[2] in _SWITCHED:
        return f"--{_SWITCHED[found[2]]}{name}"
    return f"--{name} {found[3] or found[4].replace(' ', '')}"


def _message(error: BaseException) -> str:
    format_message = getattr(error, "format_message", None)  # of usage errors
    return str(format_message() if callable(format_message) else error)


def _ran_out(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_SPACE or error.errno == errno.ENOMEM
    on_device = type(error).__name__ == "OutOfMemoryError"  # torch's, which is not imported here
    return isinstance(error, MemoryError) or on_device or _NO_MEMORY in str(error)
