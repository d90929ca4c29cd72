"""The main line of an SGF game tree, by a fast path for plain trees and by sgfmill for all others.

Both give the same `Line`. The fast path takes only what it fully understands: one line without variations,
identifiers in capitals, the properties of the root first, then nodes that each begin with one move. sgfmill reads
everything else, and is imported here and nowhere else, with the first tree that needs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from goengine.sgf.split import closed

Properties = dict[str, list[bytes]]
"""The properties of a node, raw values without their brackets, in the order of the file."""

_VALUE = rb"\[(?:[^\]\\]++|\\.)*+\]"
# A possessive repeat of a group, (?:...)++, does not give back what a last, failing round of it took in Python before
# 3.11.4 and 3.12 (Debian 12 has 3.11.2): where that can matter, an atomic group stands instead.
_ROOT = re.compile(rb"\(\s*+;\s*+((?>(?:[A-Z]{1,64}\s*+(?:" + _VALUE + rb"\s*+)++)+))", re.DOTALL)
_PROPERTY = re.compile(rb"([A-Z]++)\s*+((?:" + _VALUE + rb"\s*+)++)", re.DOTALL)
_EACH_VALUE = re.compile(rb"\[((?:[^\]\\]++|\\.)*+)\]", re.DOTALL)
_IGNORED = rb"(?>(?:(?!A[BWE]\s*+\[|[BW]\s*+\[)[A-Z]{1,64}\s*+(?:" + _VALUE + rb"\s*+)++)*)"
_NODE = rb";\s*+([BW])\s*+\[([a-z]{2})?\]\s*+" + _IGNORED
_EACH_NODE = re.compile(_NODE, re.DOTALL)
_NODES = re.compile(rb"(?>(?:" + _NODE + rb")*)\)", re.DOTALL)

_PASS = b"~~"
_STRIDE = len(b";B[dd]")
_BLACK_MOVE, _WHITE_MOVE = (int.from_bytes(text, "little") for text in (b";B", b";W"))


@dataclass(slots=True)
class Line:
    """The main line of a game tree: the root, then either packed moves or the nodes one by one."""

    root: Properties
    letters: NDArray[np.uint16] | None = None
    """(moves,) uint16: the column's letter times 256 plus the row's; two tildes are a pass. None: see `nodes`."""
    white: NDArray[np.bool_] | None = None
    """(moves,) bool: whose move; None with `letters`."""
    nodes: list[Properties] = field(default_factory=list)


def read_line(data: bytes) -> tuple[Line, str]:
    """The main line of one SGF game tree, and what is wrong with the tree where only its beginning can be read.

    Raises:
        ValueError: nothing of it can be read.
    """
    if (line := read_plain(data)) is not None:
        return line, ""
    try:
        return read_any(data), ""
    except ValueError as error:
        from sgfmill import sgf_grammar

        _, end = sgf_grammar.tokenise(data)  # stops where it can make nothing of the next bytes
        return read_any(closed(data, 0, end)[0]), str(error)


def read_plain(data: bytes) -> Line | None:
    """The main line of a plain game tree; None when the tree is not plain, which says nothing against it."""
    found = _ROOT.match(data)
    if found is None:
        return None
    root: Properties = {}
    for name, values in _PROPERTY.findall(found[1]):
        one = values[-1] == ord("]") and b"]" not in values[:-1]  # as most have: nothing to search for
        root.setdefault(name.decode("ascii"), []).extend([values[1:-1]] if one else _EACH_VALUE.findall(values))
    if "B" in root or "W" in root:
        return None
    packed = _packed(data[found.end() :])
    return None if packed is None else Line(root, *packed)


def _packed(text: bytes) -> tuple[NDArray[np.uint16], NDArray[np.bool_]] | None:
    """The moves of ``text``, which runs from the first node after the root to the closing parenthesis."""
    if b"~" not in text:
        even = text.replace(b"[]", b"[" + _PASS + b"]")
        if len(even) % _STRIDE == 1 and even.endswith(b")") and (packed := _even(even[:-1])) is not None:
            return packed
    if _NODES.fullmatch(text) is None:
        return None
    return _even(b"".join(b";%b[%b]" % (color, point or _PASS) for color, point in _EACH_NODE.findall(text)))


def _even(text: bytes) -> tuple[NDArray[np.uint16], NDArray[np.bool_]] | None:
    """The moves of a text in which each reads ``;B[dd]``; None where one does not."""
    words = np.frombuffer(text, dtype="<u2").reshape(-1, 3)  # ;B [d d]
    move, opening, closing = words[:, 0], words[:, 1], words[:, 2]
    white = move == _WHITE_MOVE
    rows = closing & 0xFF
    letters: NDArray[np.uint16] = ((opening & 0xFF00) | rows).astype(np.uint16, copy=False)
    fits = (white | (move == _BLACK_MOVE)) & ((opening & 0xFF) == ord("[")) & ((closing >> 8) == ord("]"))
    fits &= (letters >= 0x6100) & (rows >= 0x61)  # brackets, backslashes and blanks come before the letter a
    return (letters, white) if fits.all() else None


def read_any(data: bytes) -> Line:
    """The main line of any game tree, by sgfmill.

    Raises:
        ValueError: sgfmill cannot read it.
    """
    from sgfmill import sgf_grammar

    nodes = list(sgf_grammar.main_sequence_iter(sgf_grammar.parse_sgf_game(data)))
    return Line(nodes[0], nodes=nodes[1:])
