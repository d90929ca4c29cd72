"""``goengine explain``: which stones a move depends on, as a picture and in words."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goengine.cli import options, records
from goengine.cli.progress import Progress, terminable
from goengine.coords import format_vertex, parse_vertex
from goengine.errors import GoEngineError, RecordError
from goengine.files import check_output

if TYPE_CHECKING:
    from goengine.rules import Position
    from goengine.visualize.explain import Explanation
    from goengine.visualize.stones import Dependence

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine explain``."""
    records.add_position(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--vertex", metavar="D4", help="the move to explain (default: the network's favourite)")
    which.add_argument("--played", action="store_true", help="explain the move that the record goes on with")
    parser.add_argument(
        "--by",
        choices=("stone", "chain"),
        default="stone",
        help="what is taken off the board at a time (default: %(default)s)",
    )
    options.add_network(parser)
    parser.add_argument(
        "--top", type=int, default=5, metavar="K", help="how many stones to name (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="PNG", help="the picture (default: GAME-move-N.png in the current folder)"
    )
    parser.add_argument("--integrated", action="store_true", help="draw integrated gradients as well; takes seconds")
    parser.add_argument("--no-picture", action="store_true", help="words only; needs neither captum nor matplotlib")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead, with every stone")


def run(args: argparse.Namespace) -> int:
    """Write the picture and print what the move depends on."""
    options.check(args)
    options.check_counts(args, "top")
    if not args.no_picture:
        from goengine.visualize.extras import check_extras

        check_extras("captum", "matplotlib")
    position, played = records.load_position(args)
    move = _asked(args, position, played)
    target = None if args.no_picture else _target(args, position.move_number)
    player = options.make_player(args)
    network: Any = player.network_for(position.size)

    from goengine.visualize.explain import explain

    if move is None:
        favourites = player.suggest(position, 1)
        if not favourites or favourites[0][0] is None:
            raise RecordError(f"{args.game}: {position.to_play} has no legal move there, so there is none to explain")
        move = favourites[0][0]
    with terminable():
        explanation = explain(network, position, move, args.by, args.symmetries, Progress())
        written = None if target is None else _draw(args, network, explanation, target)
    if args.json:
        print(json.dumps(_report(explanation, args.by, played, written)))
    else:
        sys.stdout.write("\n".join(_lines(explanation, args.by, played, args.top)) + "\n")
        if written is not None:
            sys.stderr.write(f"wrote {written}\n")
    return 0


def _asked(args: argparse.Namespace, position: "Position", played: tuple[str, int | None] | None) -> int | None:
    """The point that the options ask for, or None for the network's favourite."""
    if args.vertex is not None:
        point = parse_vertex(args.vertex, position.size)
        if point is None:
            raise GoEngineError("--vertex pass cannot be explained: the network's choices are points; give one, as D4")
        return point
    if not args.played:
        return None
    if played is None or played[1] is None:
        what = "ends there" if played is None else "goes on with a pass"
        raise RecordError(f"{args.game}: --played: the record {what}, so there is no move to explain")
    return played[1]


def _target(args: argparse.Namespace, moves: int) -> Path:
    """Where the picture goes: a place that takes it, which is known before the work begins."""
    name = records.game_name(args)
    path: Path = args.out or Path(f"{name}-move-{moves}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    return check_output(path)


def _draw(args: argparse.Namespace, network: Any, explanation: "Explanation", target: Path) -> Path:
    from goengine.visualize.explain import draw_explanation
    from goengine.visualize.moves import integrated_points, saliency_points
    from goengine.visualize.pictures import write_png

    position, move = explanation.position, explanation.move
    sensitive = saliency_points(network, position, move, args.symmetries)
    parts = integrated_points(network, position, move, args.symmetries) if args.integrated else None
    return write_png(draw_explanation(explanation, sensitive, parts), target)


def _name(position: "Position", group: "Dependence") -> str:
    stones = position.board.reshape(-1)
    color = "black" if stones[group.points[0]] > 0 else "white"
    more = f" and {len(group.points) - 1} more" if len(group.points) > 1 else ""
    return f"{color} {format_vertex(group.points[0], position.size)}{more}"


def _lines(explanation: "Explanation", by: str, played: tuple[str, int | None] | None, top: int) -> list[str]:
    position = explanation.position
    vertex = format_vertex(explanation.move, position.size)
    choice = "its favourite" if explanation.rank == 1 else f"its choice number {explanation.rank}"
    lines = [
        f"after {position.move_number} moves, {position.to_play} {vertex}: {explanation.probability:.1%}, {choice}"
    ]
    if played is not None:
        same = played[1] == explanation.move
        lines.append("the move played" if same else f"{format_vertex(played[1], position.size)} was played")
    last = position.last_move[1] if position.last_move else None
    speaking = [group for group in explanation.groups if group.weight > 0][:top]
    against = [group for group in reversed(explanation.groups) if group.weight < 0][:top]
    for title, groups in (
        (f"it depends most on (its probability with and without the {by}):", speaking),
        ("more likely without:", against),
    ):
        if groups:
            lines.append(title)
        for rank, group in enumerate(groups, start=1):
            after = f"{group.after:7.1%}" if group.legal else "illegal"
            note = "   the last move" if last in group.points else ""
            lines.append(f"{rank:3}  {_name(position, group):20} {group.before:7.1%} -> {after}{note}")
    if not explanation.groups:
        lines.append("there is no stone on the board for it to depend on")
    return lines


def _report(
    explanation: "Explanation", by: str, played: tuple[str, int | None] | None, written: Path | None
) -> dict[str, Any]:
    position = explanation.position
    groups = [
        {
            "color": "black" if position.board.reshape(-1)[group.points[0]] > 0 else "white",
            "points": [format_vertex(point, position.size) for point in group.points],
            "before": group.before,
            "after": group.after,
            "legal": group.legal,
            "weight": group.weight,
        }
        for group in explanation.groups
    ]
    return {
        "move_number": position.move_number,
        "to_play": position.to_play,
        "move": format_vertex(explanation.move, position.size),
        "probability": explanation.probability,
        "rank": explanation.rank,
        "played": None if played is None else format_vertex(played[1], position.size),
        "by": by,
        "stones": groups,
        "picture": None if written is None else str(written),
    }
