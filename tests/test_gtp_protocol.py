"""Lines, ids, comments and failures: the protocol without any Go."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goengine.gtp.protocol import MAX_LINE, Command, Engine, GtpFailure, Lines, QuitGtp, format_response, parse_command


def fail(words: list[str]) -> str:
    raise GtpFailure("no such\nthing")


def crash(words: list[str]) -> str:
    raise ZeroDivisionError("by\nzero")


def leave(words: list[str]) -> str:
    raise QuitGtp("bye")


def engine() -> Engine:
    return Engine({"echo": " ".join, "fail": fail, "crash": crash, "board": lambda _: "\nA\n\nB\n"})


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"name", Command("", "name", [])),
        (b"12 name", Command("12", "name", [])),
        (b"007 play b d4", Command("007", "play", ["b", "d4"])),
        (b"  \tplay\tb   d4\t # comment", Command("", "play", ["b", "d4"])),
        (b"na\x07me\r", Command("", "name", [])),
        (b"pl\x00ay b\x7f d4", Command("", "play", ["b", "d4"])),
        (b"5", Command("5", "", [])),
        (b"5name", Command("", "5name", [])),
        (b"99999999999 name", Command("", "99999999999", ["name"])),
        (b"2147483648 name", Command("", "2147483648", ["name"])),
        (b"-1 name", Command("", "-1", ["name"])),
        ("١ name".encode(), Command("", "١", ["name"])),  # a digit, but not of the protocol
        ("loadsgf дом.sgf".encode(), Command("", "loadsgf", ["дом.sgf"])),
        (b"loadsgf \xff\xfe.sgf", Command("", "loadsgf", ["\udcff\udcfe.sgf"])),
    ],
)
def test_lines_are_taken_apart(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize("line", [b"", b"   ", b"\r", b"# only a comment", b"\x01\x02", b" \t # x"])
def test_nothing_to_answer(line: bytes) -> None:
    assert parse_command(line) is None
    assert engine().answer(line) is None


@pytest.mark.parametrize(
    ("line", "response"),
    [
        (b"echo hello", b"= hello\n\n"),
        (b"3 echo hello", b"=3 hello\n\n"),
        (b"echo", b"=\n\n"),
        (b"4 echo", b"=4\n\n"),
        (b"board", b"=\nA\nB\n\n"),
        (b"nonsense", b"? unknown command\n\n"),
        (b"9 nonsense", b"?9 unknown command\n\n"),
        (b"17", b"?17 unknown command\n\n"),
        (b"5 fail", b"?5 no such thing\n\n"),
        (b"6 crash", b"?6 crash failed: ZeroDivisionError: by zero\n\n"),
        (b"protocol_version", b"= 2\n\n"),
        (b"known_command echo", b"= true\n\n"),
        (b"known_command quit", b"= true\n\n"),
        (b"known_command Echo", b"= false\n\n"),
        (b"known_command", b"? syntax error: write known_command and the name of one command\n\n"),
        (b"ECHO", b"? unknown command\n\n"),
        (b"echo \xff", b"= \\udcff\n\n"),
    ],
)
def test_responses(line: bytes, response: bytes) -> None:
    assert engine().answer(line) == response


def test_list_commands_lists_them_all_once() -> None:
    answer = engine().answer(b"list_commands")
    assert answer is not None
    names = answer[2:].decode().split()
    assert names == sorted(
        ["echo", "fail", "crash", "board", "protocol_version", "known_command", "list_commands", "quit"]
    )


def test_quit_ends_the_session_after_its_response() -> None:
    output = io.BytesIO()
    engine().run(iter([b"1 echo a", b"2 quit", b"3 echo b"]), output)
    assert output.getvalue() == b"=1 a\n\n=2\n\n"


def test_a_handler_may_end_the_session() -> None:
    output = io.BytesIO()
    Engine({"leave": leave}).run(iter([b"leave", b"leave"]), output)
    assert output.getvalue() == b"= bye\n\n"


def test_a_closed_output_ends_the_session() -> None:
    class Closed(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    seen = []

    def note(words: list[str]) -> str:
        seen.append(words)
        return ""

    Engine({"note": note}).run(iter([b"note 1", b"note 2"]), Closed())
    assert seen == [["1"]]


def test_a_line_of_ten_thousand_bytes_is_answered() -> None:
    answer = engine().answer(b"echo " + b"x" * 10_000)
    assert answer == b"= " + b"x" * 10_000 + b"\n\n"
    assert engine().answer(b"y" * 10_000) == b"? unknown command\n\n"
    long = engine().answer(b"echo " + b"x" * MAX_LINE)
    assert long is not None and long.startswith(b"? line too long") and long.endswith(b"\n\n")


WHOLE_RESPONSE = re.compile(rb"[=?]\d*( [^\n]+)?\n([^\n]+\n)*\n")


@given(st.one_of(st.binary(max_size=200), st.text(max_size=80).map(str.encode)))
def test_any_line_gets_one_well_formed_response_or_none(line: bytes) -> None:
    answer = engine().answer(line.replace(b"\n", b""))
    if answer is not None:
        assert WHOLE_RESPONSE.fullmatch(answer), answer
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", answer)


@given(st.text(max_size=200), st.booleans())
def test_no_text_ends_a_response_early(text: str, failed: bool) -> None:
    assert WHOLE_RESPONSE.fullmatch(format_response("1", text, failed))


def count(words: list[str]) -> Iterator[str]:
    yield from words
    if "crash" in words:
        raise ZeroDivisionError


def test_lines_go_out_one_by_one() -> None:
    pieces = list(Engine({"count": count}).respond(b"3 count one two\x07 "))
    assert pieces == [b"=3\n", b"one\n", b"two\n", b"\n"]


def test_a_line_of_a_response_cannot_end_it_early() -> None:
    stream = Engine({"count": lambda _: iter(["a\n\nb", "", "  ", "c"])})
    assert stream.answer(b"count") == b"=\na  b\nc\n\n"


def test_a_response_that_crashes_on_the_way_ends_and_the_engine_goes_on() -> None:
    told = []
    stream = Engine({"count": count}, lambda name, error: told.append((name, type(error))) or "")  # type: ignore[func-returns-value]
    assert stream.answer(b"1 count crash") == b"=1\ncrash\n\n"
    assert told == [("count", ZeroDivisionError)]
    assert stream.answer(b"2 count") == b"=2\n\n"


def test_each_line_is_flushed_before_the_next_is_asked_for() -> None:
    output = Flushed()

    def watch(words: list[str]) -> Iterator[str]:
        for number in range(3):
            assert output.flushed == output.getvalue() != b""
            yield str(number)

    Engine({"watch": watch}).run(iter([b"watch"]), output)
    assert output.flushed == b"=\n0\n1\n2\n\n"


class Flushed(io.BytesIO):
    """Remembers what was flushed."""

    flushed = b""

    def flush(self) -> None:
        self.flushed = self.getvalue()


def test_waiting_for_input() -> None:
    reader, writer = os.pipe()
    lines = Lines(reader)
    assert not lines.wait(0) and not lines.wait(0.01)
    os.write(writer, b"\nname\n")
    assert lines.wait() and lines.wait(5)
    taken = iter(lines)
    assert next(taken) == b"" and lines.wait(5) and next(taken) == b"name"
    assert not lines.wait(0)
    os.close(writer)
    assert lines.wait(5)  # the end counts as well
    assert list(taken) == []
    os.close(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes always block there")
def test_input_that_does_not_block_is_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    lines = Lines(reader)
    assert not lines.wait(0.1)  # no end of the input
    for line in (b"name", b"version"):
        os.write(writer, line + b"\n")
        assert lines.wait(5) and next(iter(lines)) == line
    os.close(writer)
    assert list(lines) == []
    os.close(reader)


def through_a_pipe(*blocks: bytes) -> list[bytes]:
    reader, writer = os.pipe()
    lines = Lines(reader)
    for block in blocks:
        os.write(writer, block)
    os.close(writer)
    found = list(lines)
    os.close(reader)
    return found


def test_lines_come_whole_however_the_bytes_arrive() -> None:
    assert through_a_pipe(b"na", b"me\nver", b"sion\nlast") == [b"name", b"version", b"last"]
    assert through_a_pipe(b"a\n\nb\n") == [b"a", b"", b"b"]
    assert through_a_pipe() == []


def test_an_endless_line_does_not_fill_the_memory() -> None:
    reader, writer = os.pipe()
    lines = iter(Lines(reader))
    for _ in range(3 * MAX_LINE // 65536):
        os.write(writer, b"x" * 65536)
    os.write(writer, b"\nname\n")
    os.close(writer)
    first = next(lines)
    assert len(first) <= MAX_LINE + 1
    answer = engine().answer(first)
    assert answer is not None and answer.startswith(b"? line too long")
    assert list(lines) == [b"name"]
    os.close(reader)


def test_each_block_is_read_into_the_same_memory() -> None:
    reader, writer = os.pipe()
    lines = Lines.__new__(Lines)  # without its thread, which would read them
    lines._descriptor = reader
    blocks = lines._blocks()
    where = []
    for text in (b"name\n", b"version\n", b"x" * 3000):
        os.write(writer, text)
        block = next(blocks)
        assert block == text
        where.append(block.obj)
    os.close(writer)
    assert list(blocks) == [] and where[0] is where[1] is where[2]
    os.close(reader)
