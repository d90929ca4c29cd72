"""The main line of an SGF game tree, by a fast path for plain trees and by sgfmill for all others.

Both give the same `Line`. The fast path takes only what it fully understands: one line without variations,
identifiers in capitals, the properties of the root first, then nodes that each begin with one move. sgfmill reads
everything else, and is imported here and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sgfmill import sgf_grammar

Properties = dict[str, list[bytes]]
"""The properties of a node, raw values without their brackets, in the order of the file."""

_VALUE = rb"\[(?:[^\]\\]++|\\.)*+\]"
_ROOT = re.compile(rb"\(\s*+;\s*+((?:[A-Z]{1,64}\s*+(?:" + _VALUE + rb"\s*+)++)++)", re.DOTALL)
_PROPERTY = re.compile(rb"([A-Z]++)\s*+((?:" + _VALUE + rb"\s*+)++)", re.DOTALL)
_EACH_VALUE = re.compile(rb"\[((?:[^\]\\]++|\\.)*+)\]", re.DOTALL)
_IGNORED = rb"(?:(?!A[BWE]\s*+\[|[BW]\s*+\[)[A-Z]{1,64}\s*+(?:" + _VALUE + rb"\s*+)++)*+"
_NODE = rb";\s*+([BW])\s*+\[([a-z]{2})?\]\s*+" + _IGNORED
_EACH_NODE = re.compile(_NODE, re.DOTALL)
_NODES = re.compile(rb"(?:" + _NODE + rb")*+\)\s*+", re.DOTALL)

_PASS_MARK = b"[~~]"
_STRIDE = len(b";B[dd]")


@dataclass(slots=True)
class Line:
    """The main line of a game tree: the root, then either packed moves or the nodes one by one."""

    root: Properties
    letters: NDArray[np.uint8] | None = None
    """(moves, 3) uint8: ``B`` or ``W``, column letter, row letter; two tildes are a pass. None: see `nodes`."""
    nodes: list[Properties] = field(default_factory=list)


def read_line(data: bytes) -> Line:
    """The main line of one SGF game tree.

    Raises:
        ValueError: not even sgfmill can read it.
    """
    return read_plain(data) or read_any(data)


def read_plain(data: bytes) -> Line | None:
    """The main line of a plain game tree; None when the tree is not plain, which says nothing against it."""
    found = _ROOT.match(data)
    if found is None:
        return None
    root: Properties = {}
    for name, values in _PROPERTY.findall(found[1]):
        # most properties have one value, whose brackets need no search
        several = b"]" in values[:-1]
        root.setdefault(name.decode("ascii"), []).extend(_EACH_VALUE.findall(values) if several else [values[1:-1]])
    if "B" in root or "W" in root:
        return None
    letters = _packed(data[found.end() :])
    return None if letters is None else Line(root, letters)


def _packed(text: bytes) -> NDArray[np.uint8] | None:
    """The moves of ``text``, which runs from the first node after the root to the closing parenthesis."""
    if b"~" not in text:
        strict = text.replace(b"[]", _PASS_MARK).removesuffix(b")")
        if len(strict) % _STRIDE == 0 and len(strict) != len(text):
            cells = np.frombuffer(strict, dtype=np.uint8).reshape(-1, _STRIDE)
            colors, points = cells[:, 1], cells[:, 3:5]
            plain = (points - np.uint8(ord("a"))) < 26
            tildes = (points == ord("~")).all(axis=1)
            if (
                (cells[:, (0, 2, 5)] == np.frombuffer(b";[]", dtype=np.uint8)).all()
                and ((colors == ord("B")) | (colors == ord("W"))).all()
                and (plain.all(axis=1) | tildes).all()
            ):
                return np.column_stack((colors, points))
    if _NODES.fullmatch(text) is None:
        return None
    joined = b"".join(color + (point or b"~~") for color, point in _EACH_NODE.findall(text))
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, 3)


def read_any(data: bytes) -> Line:
    """The main line of any game tree, by sgfmill.

    Raises:
        ValueError: sgfmill cannot read it.
    """
    nodes = list(sgf_grammar.main_sequence_iter(sgf_grammar.parse_sgf_game(data)))
    return Line(nodes[0], None, nodes[1:])
