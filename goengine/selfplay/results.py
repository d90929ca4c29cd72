"""What a collection of games says of the players: shares of points with intervals, Elo; as JSON and as text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from goengine.intervals import wilson
from goengine.match.elo import elo
from goengine.selfplay.games import Played

__all__ = ["results_text", "summarize"]


def summarize(games: Iterable[Played], names: Sequence[str]) -> dict[str, Any]:
    """Results as JSON values; infinite Elo differences are None, intervals hold 95 %.

    A game that repeats another one of the same players move by move counts once only.

    Args:
        games: that are over.
        names: of the players, by index.
    """
    everything = list(games)
    once = list({(g.game.black, g.game.white, g.actions.tobytes()): g for g in everything}.values())
    met = sorted({(min(g.game.black, g.game.white), max(g.game.black, g.game.white)) for g in once})
    lengths = [len(g.actions) for g in once]
    black = _share(once, [g.winner for g in once])
    return {
        "games": len(everything),
        "repeated": len(everything) - len(once),
        "black": black,
        "pairs": [_pair(once, names, first, second) for first, second in met if first != second],
        "ended_by": dict(sorted(Counter(g.ended_by for g in once).items())),
        "plies": {
            "shortest": min(lengths, default=0),
            "mean": sum(lengths) / max(1, len(lengths)),
            "longest": max(lengths, default=0),
        },
    }


def _pair(games: Sequence[Played], names: Sequence[str], first: int, second: int) -> dict[str, Any]:
    """What the first player scored against the second."""
    met = [g for g in games if {g.game.black, g.game.white} == {first, second}]
    share = _share(met, [g.winner if g.game.black == first else -g.winner for g in met])
    low, high = share["share_95"]
    as_black = [g for g in met if g.game.black == first]
    as_white = [g for g in met if g.game.black == second]
    return {
        "first": names[first],
        "second": names[second],
        **share,
        "elo": _finite(elo(share["share"])),
        "elo_95": [_finite(elo(low)), _finite(elo(high))],
        "as_black": _share(as_black, [g.winner for g in as_black]),
        "as_white": _share(as_white, [-g.winner for g in as_white]),
    }


def _share(games: Sequence[Played], won: Sequence[int]) -> dict[str, Any]:
    """Points of a side, ``won`` 1, -1 or 0 for each game."""
    points = sum((1 + result) / 2 for result in won)
    return {
        "games": len(games),
        "won": sum(result > 0 for result in won),
        "drawn": sum(result == 0 for result in won),
        "points": points,
        "share": points / len(games) if games else 0.5,
        "share_95": list(wilson(points, len(games))),
    }


def _finite(value: float) -> float | None:
    return None if abs(value) == float("inf") else value


def results_text(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"{found['games']:,} games"]
    if found["repeated"]:
        lines[0] += f", of which {found['repeated']:,} repeat another one and are left out of what follows"
    for pair in found["pairs"]:
        low, high = pair["elo_95"]
        colors = ", ".join(
            f"as {name} {pair[key]['points']:g} of {pair[key]['games']}"
            for name, key in (("Black", "as_black"), ("White", "as_white"))
        )
        lines.append(
            f"{pair['first']} against {pair['second']}: {_share_text(pair)}, Elo {_signed(pair['elo'], pair['share'])} "
            f"({_signed(low, 0)} to {_signed(high, 1)}); {colors}"
        )
    lines.append(f"Black: {_share_text(found['black'])}")
    plies, ends = found["plies"], ", ".join(f"{end} {count:,}" for end, count in found["ended_by"].items())
    lines.append(f"plies: {plies['shortest']} to {plies['longest']}, mean {plies['mean']:.0f}; ended by {ends or '-'}")
    return "\n".join(lines) + "\n"


def _share_text(share: dict[str, Any]) -> str:
    low, high = share["share_95"]
    return (
        f"{share['points']:g} points of {share['games']:,}, {share['share']:.1%} "
        f"(95 %: {100 * low:.1f} to {100 * high:.1f})"
    )


def _signed(value: float | None, share: float) -> str:
    return ("+inf" if share > 0.5 else "-inf") if value is None else f"{value:+.0f}"
