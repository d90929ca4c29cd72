"""The Go Text Protocol, version 2, as a table of handlers: lines, ids, failures, and nothing of Go.

    bytes -> Lines -> parse_command -> handler -> format_response -> bytes

Section numbers are those of the specification (Gunnar Farnebäck, version 2, draft 2). Beyond it: a line may be very
long, may hold any bytes, and may name no command; a handler may crash. All that becomes a response that begins with
``?``, and the engine goes on. And a response may take its time: where a handler returns an iterator of lines, each of
them goes out when it comes (analysis).
"""

import contextlib
import io
import re
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeAlias

__all__ = [
    "Command",
    "Engine",
    "GtpFailure",
    "Handler",
    "Lines",
    "Output",
    "QuitGtp",
    "format_response",
    "parse_command",
]

Handler: TypeAlias = Callable[[list[str]], str | Iterator[str]]
"""What answers one command: the arguments in, the text of the response out, or its lines one by one.

Raises GtpFailure for a ``?`` response, QuitGtp to end the session after the response; before the first line, that is:
once ``=`` is out, a response can only end.
"""

MAX_LINE = 1 << 20
"""Bytes of a line that are kept; what is longer is answered as a failure (GoGui sends whole games in a line)."""

_MAX_ID = 2**31 - 1
_COMMAND = re.compile(r"(?:(\d{1,10})(?= |$) ?)?(.*)", re.ASCII | re.DOTALL)


class Output(Protocol):
    """Where responses go: a binary file, or what stands for one."""

    def write(self, piece: bytes, /) -> int:
        """Write a response or a part of one."""
        ...

    def flush(self) -> None:
        """Hand on what is buffered."""
        ...


class GtpFailure(Exception):
    """The command fails: the message becomes the response, after ``?``."""


class QuitGtp(Exception):
    """The session ends after this command, whose response is the message: a success, unless ``failed``."""

    def __init__(self, message: str, failed: bool = False) -> None:
        super().__init__(message)
        self.failed = failed


class Command(NamedTuple):
    """One line of input, taken apart."""

    id: str
    """The decimal digits before the command, or ""."""
    name: str
    """The command, as it was written; "" on a line that holds an id alone."""
    arguments: list[str]


def parse_command(line: bytes) -> Command | None:
    """The command on a line; None where there is nothing to answer (an empty line, a comment).

    As 3.1 has it: control characters but tab are dropped, tabs count as spaces, ``#`` begins a comment. Bytes that
    are not UTF-8 are kept as surrogates, so that a file name survives them.
    """
    text = line.partition(b"#")[0].decode("utf-8", "surrogateescape").replace("\t", " ")
    text = "".join(character for character in text if character >= " " and character != "\x7f")
    text = re.sub(" +", " ", text).strip(" ")
    if not text:
        return None
    match = _COMMAND.fullmatch(text)
    assert match is not None  # the pattern takes any text
    digits, rest = match.group(1) or "", match.group(2)
    if digits and int(digits) > _MAX_ID:
        digits, rest = "", text
    name, *arguments = rest.split(" ")
    return Command(digits, name, arguments)


def format_response(command_id: str, text: str, failed: bool = False) -> bytes:
    """The response as it goes out: ``=`` or ``?``, the id, the text, and an empty line.

    The text keeps its line breaks, but not its empty lines, which would end the response early, and no control
    characters; an empty first line stays away from the ``=`` as the specification's multi-line responses do.
    """
    lines = [_clean(line) for line in text.split("\n")]
    body = "\n".join(lines[:1] + [line for line in lines[1:] if line])
    head = ("?" if failed else "=") + command_id
    between = " " if body and not body.startswith("\n") else ""
    return f"{head}{between}{body}\n\n".encode("utf-8", "backslashreplace")


class Lines:
    """The lines of a file descriptor, read by a thread of its own, so that :meth:`wait` can tell of the next.

    Reads the descriptor itself: a daemon thread inside a buffered reader would hold its lock when Python ends.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._lines: deque[bytes | None] = deque()
        self._arrived = threading.Condition()
        threading.Thread(target=self._read, name="gtp-input", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until a line or the end of the input has come in and was not taken yet; whether that is so.

        Args:
            seconds: to wait at most; None waits as long as it takes.
        """
        with self._arrived:
            return self._arrived.wait_for(lambda: bool(self._lines), seconds)

    def __iter__(self) -> Iterator[bytes]:
        while self.wait():
            line = self._lines.popleft()
            if line is None:
                break
            yield line

    def _put(self, line: bytes | None) -> None:
        with self._arrived:
            self._lines.append(line)
            self._arrived.notify()

    def _read(self) -> None:
        pending = bytearray()
        for block in self._blocks():
            pending += block
            if b"\n" in pending[-len(block) :]:
                *whole, rest = pending.split(b"\n")
                for line in whole:
                    self._put(bytes(line[: MAX_LINE + 1]))
                pending = rest
            elif len(pending) > MAX_LINE:
                del pending[MAX_LINE + 1 :]
        if pending:
            self._put(bytes(pending))
        self._put(None)

    def _blocks(self) -> Iterator[memoryview]:
        """What comes in, until the end; each in the same memory as the one before.

        New memory for each, cut down to what came, leaves holes between the lines that are kept: the process grew by
        ten bytes a command.
        """
        memory = memoryview(bytearray(1 << 16))
        with contextlib.suppress(OSError):
            source = io.FileIO(self._descriptor, closefd=False)
            while (length := source.readinto(memory)) != 0:
                if length is None:  # whoever shares the descriptor made it non-blocking, and nothing is there yet
                    select.select([self._descriptor], [], [])
                else:
                    yield memory[:length]


class Engine:
    """Answers GTP commands from a table of handlers.

    ``crashed`` is told of an exception that a handler should not have raised; it gets the command's name and the
    exception, and what it returns becomes the response.
    """

    def __init__(self, handlers: Mapping[str, Handler], crashed: Callable[[str, Exception], str] | None = None):
        self.handlers = dict(handlers)
        self.handlers.setdefault("protocol_version", lambda _: "2")
        self.handlers.setdefault("known_command", self._known_command)
        self.handlers.setdefault("list_commands", lambda _: "\n".join(sorted(self.handlers)))
        self.handlers.setdefault("quit", self._quit)
        self._crashed = crashed or (lambda name, error: f"{name} failed: {type(error).__name__}: {error}")
        self.ended = False
        """Whether ``quit`` was answered."""

    def answer(self, line: bytes) -> bytes | None:
        """The whole response to one line, or None where it needs none. Never raises what a handler raises."""
        return b"".join(self.respond(line)) or None

    def respond(self, line: bytes) -> Iterator[bytes]:
        """The response to one line, piece by piece; most have one piece, and a line without a command has none."""
        if len(line) > MAX_LINE:
            yield format_response("", f"line too long: at most {MAX_LINE:,} bytes are read", failed=True)
            return
        command = parse_command(line)
        if command is None:
            return
        handler = self.handlers.get(command.name)
        if handler is None:
            yield format_response(command.id, "unknown command", failed=True)
            return
        try:
            text = handler(command.arguments)
        except QuitGtp as end:
            self.ended = True
            yield format_response(command.id, str(end), end.failed)
        except GtpFailure as failure:
            yield format_response(command.id, _one_line(str(failure)), failed=True)
        except Exception as error:
            yield format_response(command.id, _one_line(self._explain(command.name, error)), failed=True)
        else:
            if isinstance(text, str):
                yield format_response(command.id, text)
            else:
                yield from self._stream(command, text)

    def run(self, lines: Iterator[bytes], output: Output) -> None:
        """Answer line by line until ``quit``, the end of the input, or until nobody reads the output."""
        for line in lines:
            try:
                for piece in self.respond(line):
                    output.write(piece)
                    output.flush()
            except OSError:  # of the output: what a handler raises is answered
                return
            if self.ended:
                return

    def _stream(self, command: Command, lines: Iterator[str]) -> Iterator[bytes]:
        """A response whose lines come one by one. One that fails on the way ends early: its ``=`` is out."""
        yield f"={command.id}\n".encode()
        try:
            for line in lines:
                if text := _clean(_one_line(line)):
                    yield f"{text}\n".encode("utf-8", "backslashreplace")
        except Exception as error:
            self._explain(command.name, error)
        yield b"\n"

    def _explain(self, name: str, error: Exception) -> str:
        """What to answer to a crash; where even telling of it crashes, for want of memory say, the bare fact."""
        try:
            return self._crashed(name, error)
        except Exception:
            return f"internal error in {name}: {type(error).__name__}"

    def _known_command(self, arguments: list[str]) -> str:
        if len(arguments) != 1:
            raise GtpFailure("syntax error: write known_command and the name of one command")
        return "true" if arguments[0] in self.handlers else "false"

    def _quit(self, arguments: list[str]) -> str:
        raise QuitGtp("")


def _clean(line: str) -> str:
    """``line`` without control characters, and without spaces at its end."""
    return "".join(c if c >= " " and c != "\x7f" else " " for c in line).rstrip()


def _one_line(text: str) -> str:
    """``text`` without line breaks, which a failure has no use for."""
    return " ".join(text.split("\n"))
