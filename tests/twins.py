"""The program's `Position` beside its naive twin: built from the same diagram or game, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from diagrams import Diagram, draw, parse, same_boards, same_points
from hypothesis import strategies as st
from reference.random_games import RandomGame, random_game
from reference.rules import NaivePosition

from goengine.rules import Color, Ko, Position


def position_of(diagram: str | Diagram, to_play: Color = "black", ko: Ko = "simple") -> Position:
    """A position set up as the diagram shows; its marks are empty points."""
    drawn = parse(diagram) if isinstance(diagram, str) else diagram
    position = Position(drawn.size, ko)
    position.setup(drawn.black, drawn.white, to_play)
    return position


def naive_of(diagram: str | Diagram, to_play: Color = "black", ko: Ko = "simple") -> NaivePosition:
    """The naive twin of `position_of`."""
    drawn = parse(diagram) if isinstance(diagram, str) else diagram
    position = NaivePosition(drawn.size, ko)
    position.setup(drawn.black, drawn.white, to_play)
    return position


@st.composite
def random_games(choose: Any, sizes: tuple[int, ...], plies: int) -> RandomGame:
    """Random games of many kinds, for hypothesis."""
    return random_game(
        seed=choose(st.integers(0, 2**31)),
        size=choose(st.sampled_from(sizes)),
        plies=plies,
        fight=choose(st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 0.95])),
        setup=choose(st.sampled_from([0.0, 0.0, 0.1, 0.2, 0.4])),
        passes=choose(st.sampled_from([0.0, 0.05])),
        eyes=choose(st.sampled_from([0.02, 0.2])),
        twice=choose(st.sampled_from([0.0, 0.05, 0.1])),
    )


def start_pair(game: RandomGame, ko: Ko = "simple") -> tuple[Position, NaivePosition]:
    """A game's position before the first ply, twice."""
    position = Position(game.size, ko)
    position.setup(game.black, game.white, game.to_play)
    return position, game.start(ko)


def replay_pair(game: RandomGame, ko: Ko = "simple") -> Iterator[tuple[Position, NaivePosition]]:
    """A game played on both at once: yields the pair before the first ply and after each."""
    position, naive = start_pair(game, ko)
    yield position, naive
    for color, point in game.plies:
        position.play(point, color)
        naive.play(point, color)
        yield position, naive


def assert_same(position: Position, naive: NaivePosition) -> None:
    """Fail, with the board drawn, unless both agree on everything a player can ask of them."""
    where = f"after {naive.moves[-12:]} (ply {len(naive.moves)}, {naive.ko} ko, {naive.to_play} to play)"
    same_boards(position.board, naive.board, where)
    board = naive.board
    same_points(board, position.legal_points(), naive.legal_points(), f"legal points {where}")
    same_points(board, np.flatnonzero(position.legal_mask()), naive.legal_points(), f"legal mask {where}")
    ko = [] if position.ko_point is None else [position.ko_point]
    same_points(board, ko, naive.ko_points(), f"ko point {where}")
    found = {
        "to_play": position.to_play,
        "moves": list(position.moves),
        "move_number": position.move_number,
        "captures": dict(position.captures),
        "passes": position.passes,
        "last_move": position.last_move,
        "score": position.area_score(),
    }
    expected = {
        "to_play": naive.to_play,
        "moves": naive.moves,
        "move_number": len(naive.moves),
        "captures": naive.captures,
        "passes": naive.passes,
        "last_move": naive.moves[-1] if naive.moves else None,
        "score": naive.area_score(),
    }
    assert found == expected, f"{where}\n{draw(board)}"
