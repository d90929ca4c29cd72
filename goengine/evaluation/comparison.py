"""Two networks on the same positions: who guesses better, by how much, and where they differ most."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from goengine.coords import format_sgf, format_vertex
from goengine.evaluation.accuracy import Report
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE
from goengine.sgf import write_game

__all__ = ["compare", "describe", "differing_rows", "marked_positions"]


def compare(one: Report, other: Report) -> dict[str, Any]:
    """How much better `one` is than `other`, position by position; both on the same positions.

    Returns:
        top1, top5 (fractions of positions) and loss (nats), `one` less `other`, each with its interval, which is that
        of paired differences (None for the loss at a single position); how often the first guess of both, of one alone,
        or of neither was played (both, only_one, only_other, neither); and same_move, the share of positions where
        their first guesses are alike.
    """
    resamples, ours, theirs = one.resamples, one.guesses, other.guesses
    result: dict[str, Any] = {"positions": len(one.positions)}
    for k in (1, 5):
        first, second = ours.hits(k), theirs.hits(k)
        result[f"top{k}"] = float(first.mean() - second.mean())
        result[f"top{k}_interval"] = list(resamples.difference(first, second))
    nats = ours.nats() - theirs.nats()
    interval = resamples.mean(nats)
    result["loss"] = float(nats.mean())
    result["loss_interval"] = None if np.isnan(interval[0]) else list(interval)
    first, second = ours.hits(1), theirs.hits(1)
    return result | {
        "both": int(np.count_nonzero(first & second)),
        "only_one": int(np.count_nonzero(first & ~second)),
        "only_other": int(np.count_nonzero(~first & second)),
        "neither": int(np.count_nonzero(~first & ~second)),
        "same_move": float((ours.best == theirs.best).mean()),
    }


def differing_rows(one: Report, other: Report, count: int) -> list[int]:
    """The positions where the probabilities that they give to the move played lie furthest apart.

    Args:
        one: a report.
        other: the other's, on the same positions.
        count: how many rows, half of them where `one` gives more and half where `other` does; of each game at most one
            a side.

    Returns:
        Rows of the positions, the furthest apart first.
    """
    apart = one.guesses.played.astype(np.float64) - other.guesses.played
    rows: list[int] = []
    for side, most in ((apart, count - count // 2), (-apart, count // 2)):
        games: set[int] = set()
        for row in np.argsort(-side, kind="stable").tolist():
            if len(games) == most or side[row] <= 0:
                break
            game = int(one.positions.game[row])
            if game not in games:
                games.add(game)
                rows.append(row)
    return sorted(rows, key=lambda row: -abs(float(apart[row])))


def describe(one: Report, other: Report, row: int) -> dict[str, Any]:
    """A position in plain JSON values.

    Returns:
        file, game (its number there), move (number, from 1), to_play, played (vertex), one and other, each with played
        (the probability of that move), move (its favourite) and probability (of that), and difference (of the two
        probabilities of the move played, one less other).
    """
    held_out, positions = one.held_out, one.positions
    game, size = int(positions.game[row]), held_out.corpus.size

    def said(report: Report) -> dict[str, Any]:
        return {
            "played": float(report.guesses.played[row]),
            "move": format_vertex(int(report.guesses.best[row]), size),
            "probability": float(report.guesses.best_played[row]),
        }

    return {
        "file": held_out.files[held_out.file_of[game]],
        "game": int(held_out.number[game]),
        "move": int(positions.number[row]),
        "to_play": ("black", "white")[positions.color[row]],
        "played": format_vertex(int(positions.target[row]), size),
        "one": said(one),
        "other": said(other),
        "difference": float(one.guesses.played[row]) - float(other.guesses.played[row]),
    }


def marked_positions(one: Report, other: Report, rows: Sequence[int]) -> Iterator[str]:
    """Positions as SGF, a game tree each, up to the position.

    In its last node a triangle marks the move that was played, A and B are the favourites of `one` and `other` (C where
    they agree), and a comment says how likely each network thought them.
    """
    corpus = one.held_out.corpus
    for number, row in enumerate(rows, 1):
        entry, size = describe(one, other, row), corpus.size
        codes = corpus.codes(int(one.positions.game[row])).tolist()
        setup = [code for code in codes if code & SETUP]
        moves = [code for code in codes if not code & SETUP][: entry["move"] - 1]
        played, best, theirs = (
            int(guess[row]) for guess in (one.positions.target, one.guesses.best, other.guesses.best)
        )
        letters = {best: "C"} if best == theirs else {best: "A", theirs: "B"}
        place = f"{one.held_out.name(int(one.positions.game[row]))}, move {entry['move']}"
        lines = [f"{place}: {entry['to_play']} played {entry['played']}"]
        for report, said in ((one, entry["one"]), (other, entry["other"])):
            favourite = f"{said['move']} ({letters[int(report.guesses.best[row])]})"
            lines.append(
                f"{report.label}: {said['played']:.1%} for {entry['played']}, "
                f"its favourite is {favourite} with {said['probability']:.1%}"
            )
        yield write_game(
            size,
            [(_color(code), None if code & POINT_MASK == PASS else code & POINT_MASK) for code in moves],
            setup_black=[code & POINT_MASK for code in setup if not code & WHITE],
            setup_white=[code & POINT_MASK for code in setup if code & WHITE],
            to_play="" if moves else entry["to_play"],
            comment=f"{number} of {len(rows)}: {place}" if moves else "",
            last={
                "TR": [format_sgf(played, size)],
                "LB": [f"{format_sgf(point, size)}:{letter}" for point, letter in letters.items()],
                "C": ["\n".join(lines)],
            },
        )


def _color(code: int) -> str:
    return "white" if code & WHITE else "black"
