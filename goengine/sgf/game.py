"""One SGF game tree to one `GameRecord`: the Go meaning of the properties, and what is wrong with them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from goengine.coords import format_vertex
from goengine.handicap import fixed_handicap_limit, fixed_handicap_points
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE
from goengine.sgf.record import GameRecord, Problem
from goengine.sgf.split import GameText
from goengine.sgf.text import codec_of, simple_text
from goengine.sgf.tree import Line, Properties, read_line

if TYPE_CHECKING:
    from goengine.rules import Color

_LARGEST = 25
_USED_BEFORE = "what stands before the fault is used: "
_BAD = 0x3FE
"""Stands for a point that is not on the board, until the record is cut before it."""
_TEXTS = (
    ("rules", "RU"),
    ("result", "RE"),
    ("date", "DT"),
    ("black", "PB"),
    ("white", "PW"),
    ("black_rank", "BR"),
    ("white_rank", "WR"),
)
_NUMBER = re.compile(r"[-+]?\d{1,9}(?:[.,]\d{0,9})?|[-+]?[.,]\d{1,9}", re.ASCII)
_SIZE = re.compile(rb"\s*(\d{1,4})\s*(?::\s*(\d{1,4})\s*)?")

Legal = Callable[[NDArray[np.uint16], int], int]
"""Takes codes and the board size; gives how many of the leading codes are legal."""


class _Unusable(Exception):
    """Ends the reading of a game; the reason is already among the problems."""


@dataclass(slots=True)
class _Reading:
    """A game while it is read: where it stands, and the problems met so far."""

    source: str
    index: int
    line: int
    problems: list[Problem] = field(default_factory=list)

    def note(self, name: str, reason: str, detail: str, remedy: str) -> None:
        self._add(name, reason, detail, remedy, skipped=False)

    def refuse(self, name: str, reason: str, detail: str, remedy: str) -> _Unusable:
        self._add(name, reason, detail, remedy, skipped=True)
        return _Unusable()

    def _add(self, name: str, reason: str, detail: str, remedy: str, skipped: bool) -> None:
        place = (self.source, self.index)
        self.problems.append(Problem(*place, name, reason, detail, remedy, skipped, self.line))


def parse_game(text: GameText, source: str, index: int, legal: Legal) -> tuple[GameRecord | None, list[Problem]]:
    """The record of one SGF game tree, None if it cannot be used, and the problems met on the way.

    Args:
        text: the game tree.
        source: the file, for the record and the problems.
        index: the number of the game in its file, from 1.
        legal: counts the legal leading codes.
    """
    reading = _Reading(source, index, text.line)
    try:
        return _record(text, reading, legal), reading.problems
    except _Unusable:
        return None, reading.problems


def _record(text: GameText, reading: _Reading, legal: Legal) -> GameRecord:
    try:
        line, fault = read_line(text.data)
    except ValueError as error:
        reason = text.fault or "not a readable game tree"
        raise reading.refuse("", reason, shown(str(error)), "mend or remove the game") from None
    if text.fault:
        reading.note("", text.fault, "", _USED_BEFORE + "get the whole file, or mend it")
    elif fault:
        reading.note("", "not a readable game tree", shown(fault), _USED_BEFORE + "mend the game")
    root = line.root
    if (game := root.get("GM", [b"1"])[0].strip()) not in (b"1", b""):
        raise reading.refuse("GM", "not a game of Go", shown(game), "remove the game: only GM[1] is Go")
    size = _size(root, reading)
    texts = _texts(text.data, root, reading)
    handicap = _handicap(root, reading)
    codes = _codes(line, size, reading)
    codes = _with_handicap(codes, handicap, size, legal, reading)
    codes = _cut(codes, size, legal, reading)
    setup = int(np.count_nonzero(codes & SETUP)) if len(codes) and codes[0] & SETUP else 0
    return GameRecord(
        size=size,
        codes=codes,
        to_play=_to_play(codes, setup, line),
        komi=_komi(root, reading),
        handicap=handicap,
        source=reading.source,
        index=reading.index,
        **texts,
    )


def shown(value: bytes | str) -> str:
    """A value from a file, fit for a line of text: printable, and cut when it is long."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    text = text if len(text) <= 40 else text[:40] + "..."
    return text if text.isprintable() and text.isascii() else ascii(text)[1:-1]


def _size(root: Properties, reading: _Reading) -> int:
    """The board size; 19 where the record gives none."""
    value = root.get("SZ", [b"19"])[0]
    if not value.strip():
        return 19
    found = _SIZE.fullmatch(value)
    if found is None:
        raise reading.refuse("SZ", "no board size", shown(value), "write a number, as SZ[19]")
    if found[2] is not None and int(found[2]) != int(found[1]):
        raise reading.refuse("SZ", "the board is not square", shown(value), "remove the game: boards are square here")
    if not 2 <= (size := int(found[1])) <= _LARGEST:
        raise reading.refuse("SZ", "the board is too large or too small", shown(value), "remove the game: 2 to 25")
    return size


def _texts(data: bytes, root: Properties, reading: _Reading) -> dict[str, str]:
    """The fields of the record that are text."""
    declared = root.get("CA", [b""])[0]
    if data.isascii():
        codec, fault = "utf-8", ""
    else:
        codec, fault = codec_of(data, declared)
    if fault:
        reading.note("CA", fault, shown(declared), f"read as {codec}: correct or remove CA")
    return {name: simple_text(root[key][0], codec) if key in root else "" for name, key in _TEXTS}


def _number(value: bytes) -> float | None:
    """The first number in a value, a comma taken for a point; None where there is none."""
    found = _NUMBER.search(value.decode("latin-1"))
    return None if found is None else float(found[0].replace(",", "."))


def _komi(root: Properties, reading: _Reading) -> float | None:
    """Komi for White, in points."""
    if "KM" not in root or not (value := root["KM"][0]).strip():
        return None
    komi = _number(value)
    if komi is None or not math.isfinite(komi):
        reading.note("KM", "komi is not a number", shown(value), "read as unknown: write a number, as KM[7.5]")
        return None
    # Fox writes 650 for 6.5, and 375 for 3.75 stones, which are 7.5 points
    if abs(komi) >= 100 and not re.search(rb"[.,]", value):
        komi /= 100
        if komi % 0.5:
            komi *= 2
        if abs(komi) > 100:
            reading.note("KM", "komi is out of range", shown(value), "read as unknown: write a number, as KM[7.5]")
            return None
        reading.note("KM", "komi is written in hundredths", shown(value), f"read as {komi:g}: write KM[{komi:g}]")
    return komi


def _handicap(root: Properties, reading: _Reading) -> int:
    """Handicap stones: the number in HA, whatever text is around it."""
    if "HA" not in root or not (value := root["HA"][0]).strip():
        return 0
    number = _number(value)
    if number is None or not 0 <= number <= 99 or number != int(number):
        reading.note("HA", "handicap is not a number of stones", shown(value), "read as 0: write a number, as HA[2]")
        return 0
    return int(number)


def _point(value: bytes, size: int) -> int:
    """The point of a raw value, `PASS`, or `_BAD`."""
    value = value.strip()
    if not value or (value == b"tt" and size <= 19):
        return PASS
    if len(value) != 2:
        return _BAD
    col, row = value[0] - 97, value[1] - 97
    return row * size + col if 0 <= col < size and 0 <= row < size else _BAD


def _points(values: list[bytes], name: str, size: int, reading: _Reading) -> list[int]:
    """The points of a setup property, whose values are points or rectangles of points."""
    points = []
    for value in values:
        first, colon, last = value.partition(b":")
        start = _point(first, size)
        end = _point(last, size) if colon else start
        if start >= _BAD or end >= _BAD or start % size > end % size or start // size > end // size:
            if not value.strip() and len(values) == 1:
                return []
            raise reading.refuse(name, "setup stones off the board", shown(value), "correct or remove the game")
        rows, cols = range(start // size, end // size + 1), range(start % size, end % size + 1)
        points += [row * size + col for row in rows for col in cols]
    return points


def _codes(line: Line, size: int, reading: _Reading) -> NDArray[np.uint16]:
    """All codes of the main line up to the first that cannot be used; bad points are still in it, as `_BAD`."""
    setup: dict[int, int] = {}
    moves: list[int] = []
    if line.letters is not None and line.white is not None:
        _set_up(line.root, setup, size, reading)
        packed = _table(size)[line.letters]
        packed[line.white] |= WHITE
    else:
        for number, node in enumerate([line.root, *line.nodes]):
            if not node.keys() & {"AB", "AW", "AE"}:
                pass
            elif moves:
                name = next(name for name in node if name in ("AB", "AW", "AE"))
                detail = f"node {number + 1}, after {len(moves)} moves"
                reading.note(
                    name,
                    "stones set up in the middle of the game",
                    detail,
                    _USED_BEFORE + "put them before the first move",
                )
                break
            else:
                _set_up(node, setup, size, reading)
            for name, values in node.items():
                if name in ("B", "W"):
                    color = WHITE if name == "W" else 0
                    moves.append(color | (_point(values[0], size) if len(values) == 1 else _BAD))
        packed = np.array(moves, dtype=np.uint16)
    stones = [SETUP | color | point for point, color in setup.items()]
    return np.concatenate((np.array(stones, dtype=np.uint16), packed)) if stones else packed


def _set_up(node: Properties, setup: dict[int, int], size: int, reading: _Reading) -> None:
    """Put the setup stones of one node into ``setup``, which maps a point to its colour bit."""
    for name in ("AB", "AW", "AE"):
        if name in node:
            for point in _points(node[name], name, size, reading):
                if name == "AE":
                    setup.pop(point, None)
                else:
                    setup[point] = WHITE if name == "AW" else 0


@cache
def _table(size: int) -> NDArray[np.uint16]:
    """(65536,) uint16: the code of a move by Black for each pair of letters, 256 times the first plus the second."""
    table = np.full(1 << 16, _BAD, dtype=np.uint16)
    for col in range(size):
        for row in range(size):
            table[(97 + col) << 8 | (97 + row)] = row * size + col
    table[ord("~") << 8 | ord("~")] = PASS
    if size <= 19:
        table[ord("t") << 8 | ord("t")] = PASS
    return table


def _with_handicap(
    codes: NDArray[np.uint16], handicap: int, size: int, legal: Legal, reading: _Reading
) -> NDArray[np.uint16]:
    """Codes with the handicap stones that the record names in HA but leaves out."""
    if handicap < 2 or not len(codes) or codes[0] & SETUP or not codes[0] & WHITE:
        return codes
    if handicap > fixed_handicap_limit(size):
        reading.note("HA", "handicap stones are missing", str(handicap), "read without them: add AB with the stones")
        return codes
    stones = fixed_handicap_points(4 if handicap == 3 else handicap, size)
    if handicap == 3:  # records have the lower right corner there, GTP the upper left
        del stones[2]
    whole = np.concatenate((np.array(stones, dtype=np.uint16) | SETUP, codes))
    if (count := legal(whole, size)) < len(whole) and int(whole[count] & POINT_MASK) in stones:
        where = f"{handicap}; move {count - len(stones) + 1} is played on one of the usual points"
        raise reading.refuse("HA", "handicap stones are missing, and were elsewhere", where, "add AB with the stones")
    places = " ".join(format_vertex(point, size) for point in stones)
    reading.note("HA", "handicap stones are missing", str(handicap), f"the usual points are taken: {places}")
    return whole


def _cut(codes: NDArray[np.uint16], size: int, legal: Legal, reading: _Reading) -> NDArray[np.uint16]:
    """The codes before the first that is off the board or against the rules."""
    bad = (codes & POINT_MASK) == _BAD
    kept = codes[: int(bad.argmax())] if bad.any() else codes
    count = legal(kept, size)
    if count == len(codes):
        return codes
    setup = int(np.count_nonzero(kept & SETUP))
    if count < setup:
        point = format_vertex(int(kept[count] & POINT_MASK), size)
        raise reading.refuse("AB", "setup stones without a liberty", point, "correct or remove the game")
    code = int(codes[count])
    name = "W" if code & WHITE else "B"
    where = f"move {count - setup + 1}"
    if count < len(kept):
        detail = f"{where}, {name} {format_vertex(code & POINT_MASK, size)}"
        reading.note(name, "an illegal move", detail, _USED_BEFORE + "correct the move")
    else:
        detail = f"{where} on {size}x{size}"
        reading.note(name, "a move off the board", detail, _USED_BEFORE + "correct the move")
    return kept[:count]


def _to_play(codes: NDArray[np.uint16], setup: int, line: Line) -> Color:
    """Whose turn it is at the start."""
    if setup < len(codes):
        return "white" if codes[setup] & WHITE else "black"
    player = b""
    for node in (line.root, *line.nodes):
        given = node.get("PL", [b""])[0].strip()[:1].upper()
        player = given if given in (b"B", b"W") else player
        if node.keys() & {"B", "W"}:
            break
    if player:
        return "white" if player == b"W" else "black"
    return "white" if setup and not (codes & WHITE).any() else "black"
