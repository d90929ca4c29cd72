"""How a program ends: exit statuses, and one line, never a traceback, for what its user can mend."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable

from goengine.errors import GoEngineError

__all__ = ["BAD_INPUT", "INTERRUPTED", "STOPPED", "exit_status"]

BAD_INPUT = 2
INTERRUPTED = 130  # as a shell says it of SIGINT
STOPPED = 75  # a session ended before its work did: "come again" in sysexits.h

_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
    errno.EROFS: "write to another place",
    errno.EACCES: "change its permissions, or give another place",
    errno.EPERM: "change its permissions, or give another place",
    errno.ENOENT: "check the path",
    errno.EEXIST: "a file is in the way, give another name",
    errno.ENOTDIR: "a file is in the way, give another name",
    errno.EISDIR: "a folder is in the way, give another name",
}


def exit_status(
    name: str, work: Callable[[], int], interrupted: str = "", place: str | os.PathLike[str] = "input or output"
) -> int:
    """Do a program's work; the result is its exit status.

    Args:
        name: of the program, before each message.
        work: returns the status; bad input raises a :class:`goengine.errors.GoEngineError` anywhere in it.
        interrupted: what to say after Ctrl-C, if anything.
        place: what to name where an error of the file system names no file (a full disk does not).

    Returns:
        What ``work`` returned; 2 after bad input or a file that cannot be read or written, with one line on stderr;
        130 when interrupted; 0 when the reader of the output went away.
    """
    _prepare_streams()
    try:
        status = work()
        sys.stdout.flush()
    except GoEngineError as error:
        sys.stderr.write(f"{name}: {error}\n")
    except KeyboardInterrupt:
        if interrupted:
            sys.stderr.write(f"{name}: {interrupted}\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (``goengine suggest ... | head``): nothing more to say, nor to flush at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:  # a file that cannot be read or written; the name is all the user needs
        remedy = f": {_REMEDIES[error.errno]}" if error.errno in _REMEDIES else ""
        sys.stderr.write(f"{name}: {error.filename or place}: {error.strerror or error}{remedy}\n")
    else:
        return status
    return BAD_INPUT


def _prepare_streams() -> None:
    """Let no standard stream be the cause of a traceback: one that is closed, or cannot write a file's name."""
    for stream, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, mode))  # noqa: SIM115  (it is the process's)
    if getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
