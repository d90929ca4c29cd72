"""The result table of a match: one summary, as JSON values, and its text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from goengine.errors import GoEngineError
from goengine.intervals import wilson
from goengine.match.elo import elo, ratings
from goengine.match.game import COLORS, FAULTS, Result
from goengine.match.referee import parse_score

__all__ = ["counted_once", "summary", "table_text"]


def counted_once(results: Sequence[Result]) -> list[Result]:
    """The games in order, without those that repeat another one: same players, colours, moves and result."""
    seen: dict[object, Result] = {}
    for result in sorted(results, key=lambda result: result.game):
        seen.setdefault((result.black, result.white, result.line or result.game, result.result), result)
    return list(seen.values())


def summary(
    results: Sequence[Result],
    names: Sequence[str],
    pairings: Sequence[tuple[int, int]],
    match: Mapping[str, Any],
) -> dict[str, Any]:
    """All that the table says, as JSON values; infinite Elo differences are None.

    Args:
        results: the games so far.
        names: of the programs.
        pairings: (first, second) indices of those who meet.
        match: size, komi, referee, openings, time, to be handed through.
    """
    once = counted_once(results)
    counted = [result for result in once if result.counted]
    pairs = [_pair(counted, names, first, second) for first, second in pairings]
    found = {
        "match": dict(match),
        "games": len(results),
        "repeated": len(results) - len(once),
        "uncounted": len(once) - len(counted),
        "pairs": pairs,
        "ratings": _ratings(pairs, names, pairings) if len(names) > 2 else [],
        "programs": [_program(once, index, name) for index, name in enumerate(names)],
        "ends": dict(sorted(Counter(result.end for result in once).items())),
        "moves": _lengths([result.moves for result in once]),
        "moves_to_the_end": _lengths([r.moves for r in once if r.end in ("two passes", "resignation")]),
        "different_openings": _different_openings(once),
    }
    return found


def _different_openings(results: Sequence[Result]) -> int:
    """How many there are; results without a digest tell them apart by their moves alone."""
    starts: dict[tuple[str, ...], set[str | None]] = {}
    for result in results:
        starts.setdefault(tuple(result.opening), set()).add(result.start)
    return sum(max(1, len(alike - {None})) for alike in starts.values())


def _pair(results: Sequence[Result], names: Sequence[str], first: int, second: int) -> dict[str, Any]:
    """What the first scored against the second."""
    games = [result for result in results if {result.black, result.white} == {first, second}]
    points = _points(games, first)
    share = points / len(games) if games else 0.5
    low, high = wilson(points, len(games))
    colors = {
        f"as_{color}": _score([result for result in games if result.player(color) == first], first) for color in COLORS
    }
    return {
        "first": names[first],
        "second": names[second],
        **_score(games, first),
        "share": share,
        "share_95": [low, high],
        "elo": _finite(elo(share)),
        "elo_95": [_finite(elo(low)), _finite(elo(high))],
        **colors,
    }


def _points(games: Sequence[Result], index: int) -> float:
    return sum(0.5 if result.winner is None else float(result.winner == index) for result in games)


def _score(games: Sequence[Result], index: int) -> dict[str, Any]:
    won, drawn = sum(r.winner == index for r in games), sum(r.winner is None for r in games)
    return {"games": len(games), "won": won, "drawn": drawn, "points": won + drawn / 2}


def _finite(value: float) -> float | None:
    return None if abs(value) == float("inf") else value


def _ratings(
    pairs: Sequence[Mapping[str, Any]], names: Sequence[str], pairings: Sequence[tuple[int, int]]
) -> list[dict[str, Any]]:
    points = {}
    for (first, second), pair in zip(pairings, pairs, strict=True):
        points[first, second] = pair["points"]
        points[second, first] = pair["games"] - pair["points"]
    found = ratings(len(names), points, pairings)
    rows = [
        {"name": name, "elo": rating, "elo_95": [rating - half, rating + half]}
        for name, (rating, half) in zip(names, found, strict=True)
    ]
    return sorted(rows, key=lambda row: -round(float(row["elo"]), 3))


def _program(results: Sequence[Result], index: int, name: str) -> dict[str, Any]:
    """How fast a program played, what it lost without being beaten, and how it counts."""
    sides = [(r, color) for r in results for color in COLORS if r.player(color) == index]
    thought = sum(result.thought[color] for result, color in sides)
    lost = [r for r, _ in sides if r.end in (*FAULTS, "time") and r.winner not in (None, index)]
    own = [(r, r.scores[color]) for r, color in sides if r.end == "two passes" and {color, "referee"} <= set(r.scores)]
    apart = [(result, score) for result, score in own if not _agree(score, result.scores["referee"])]
    return {
        "name": name,
        "moves": thought,
        "ms_a_move": 1000 * sum(result.seconds[color] for result, color in sides) / max(1, thought),
        "slowest_s": max((result.slowest[color] for result, color in sides), default=0.0),
        "lost_by_fault": [{"game": r.game + 1, "end": r.end, "reason": r.reason} for r in lost],
        "counts": len(own),
        "counts_as_the_referee": len(own) - len(apart),
        "disagreements": [
            {"game": result.game + 1, "score": score, "referee": result.scores["referee"], "moves": result.moves}
            for result, score in apart
        ],
    }


def _agree(score: str, other: str) -> bool:
    """Whether two scores name the same winner and the same margin."""
    try:
        return parse_score(score) == parse_score(other)
    except GoEngineError:
        return False


def _lengths(moves: Sequence[int]) -> dict[str, Any]:
    if not moves:
        return {"games": 0, "shortest": 0, "mean": 0.0, "longest": 0}
    mean = sum(moves) / len(moves)
    return {"games": len(moves), "shortest": min(moves), "mean": mean, "longest": max(moves)}


# The text


def table_text(found: Mapping[str, Any]) -> str:
    """The table for people."""
    match = found["match"]
    lines = [
        f"{found['games']} games, {match['size']}x{match['size']}, komi {match['komi']:g}, time {match['time']}; "
        f"openings: {match['openings']}, {found['different_openings']} different; "
        f"referee: {match['referee'] or 'playouts'}"
    ]
    if found["repeated"]:
        lines.append(f"{found['repeated']} games repeat another one move by move, and are left out of what follows")
    if found["uncounted"]:
        lines.append(f"{found['uncounted']} games could not be counted and count for nobody")
    lines += [_pair_text(pair) for pair in found["pairs"]]
    if found["ratings"]:
        lines.append(f"ratings in Elo, {found['programs'][0]['name']} at 0, with one drawn game more in each pairing:")
        lines += [f"  {row['elo']:+5.0f} {row['name']} {_interval(row['elo_95'])}".rstrip() for row in found["ratings"]]
    lines.append("ended by " + ", ".join(f"{end} {count}" for end, count in found["ends"].items()))
    lengths, ended = found["moves"], found["moves_to_the_end"]
    lines.append(
        f"moves a game: {lengths['shortest']} to {lengths['longest']}, mean {lengths['mean']:.0f}; "
        f"{ended['games']} games ended by two passes or resignation, the longest after {ended['longest']} moves"
    )
    for program in found["programs"]:
        lines += _program_text(program)
    return "\n".join(lines) + "\n"


def _pair_text(pair: Mapping[str, Any]) -> str:
    low, high = pair["share_95"]
    colors = ", ".join(
        f"as {color.capitalize()} {pair[f'as_{color}']['points']:g} of {pair[f'as_{color}']['games']}"
        for color in COLORS
    )
    difference = f"{pair['elo']:+.0f}" if pair["elo"] is not None else "+inf" if pair["share"] else "-inf"
    return (
        f"{pair['first']} against {pair['second']}: {pair['points']:g} points of {pair['games']}, "
        f"{100 * pair['share']:.1f} % (95 %: {100 * low:.1f} to {100 * high:.1f}), Elo {difference} "
        f"{_interval(pair['elo_95'])}; {colors}"
    )


def _interval(bounds: Sequence[float | None]) -> str:
    low, high = bounds
    if low == high == 0:  # what the others are measured by
        return ""
    return f"({'-inf' if low is None else f'{low:+.0f}'} to {'+inf' if high is None else f'{high:+.0f}'})"


def _program_text(program: Mapping[str, Any]) -> list[str]:
    name = program["name"]
    lines = [f"{name}: {program['ms_a_move']:.0f} ms a move, slowest {program['slowest_s']:.2f} s"]
    if program["counts"]:
        lines[0] += f"; counts as the referee does in {program['counts_as_the_referee']} of {program['counts']} games"
    lines += [f"  game {lost['game']} lost, {lost['end']}: {lost['reason']}" for lost in program["lost_by_fault"]]
    lines += [
        f"  game {apart['game']}: it says {apart['score']}, the referee {apart['referee']}"
        for apart in program["disagreements"]
    ]
    return lines
