"""Pack game records into shards, the form that training reads.

    python data/prepare_games.py ../shared/games/kgs6d-*.sgfs.xz --output data/shards
    python data/prepare_games.py data/raw --output data/shards --min-rank 6d --holdout 0.01

Stopped, or cut off, it goes on where it was when the same command is given again. What was left out is counted by
reason at the end; `goengine check` names each such game.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from goengine.exits import exit_status
from goengine.prepare import Progress, Report, Settings, prepare
from goengine.sgf import write_game


def main() -> int:
    """Pack what the command line says; the exit status is 0, 2 on bad input, 130 when interrupted."""
    args = _arguments()
    settings = Settings(args.size, args.min_moves, args.min_rank, args.max_handicap, args.holdout, args.games_per_shard)
    if args.smoke:
        with tempfile.TemporaryDirectory() as folder:
            games = Path(folder) / "games.sgfs"
            games.write_text("".join(_toy_game(shift) for shift in range(19)), encoding="utf-8")
            return _pack([games], Path(folder) / "shards", settings)
    return _pack(args.paths, args.output, settings)


def _arguments() -> argparse.Namespace:
    default = Settings()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("paths", nargs="*", type=Path, metavar="PATH", help="SGF files, folders of them, archives")
    add("--output", type=Path, default=Path("data/shards"), metavar="FOLDER", help="for the shards (%(default)s)")
    add("--size", type=int, default=default.size, help="board size; other games are left out (%(default)s)")
    add("--min-moves", type=int, default=default.min_moves, metavar="N", help="fewest moves of a game (%(default)s)")
    add("--min-rank", default=default.min_rank, metavar="RANK", help="lowest rank of both players, as 6d (any)")
    add(
        "--max-handicap", type=int, default=default.max_handicap, metavar="N", help="most handicap stones (%(default)s)"
    )
    add("--holdout", type=float, default=default.holdout, metavar="SHARE",
        help="share of the games packed apart for validation, 0 to 1 (%(default)s)")  # fmt: skip
    add("--games-per-shard", type=int, default=default.games_per_shard, metavar="N", help="(%(default)s)")
    add("--smoke", action="store_true", help="pack a few made-up games into a temporary folder, as a test")
    args = parser.parse_args()
    if not args.paths and not args.smoke:
        parser.error("no PATH: name the game records to pack")
    return args


def _pack(paths: list[Path], output: Path, settings: Settings) -> int:
    meter = _Display()
    report = prepare(paths, output, settings, meter.show)
    meter.end()
    _summary(report, output)
    return 0


class _Display:
    """Progress on stderr: one line that changes on a terminal, else a line each ten seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + (0.0 if self._live else 10.0)

    def show(self, progress: Progress) -> None:
        """Show it, if it is time again."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.5 if self._live else 10.0)
        rate = progress.games / max(progress.seconds, 1e-9)
        left = progress.seconds_left
        share = progress.done / max(progress.total, 1)
        text = f"{progress.name}: {progress.games:,} games, {rate:,.0f} a second, {share:.0%}"
        text += "" if left is None else f", {int(left) // 60}:{int(left) % 60:02d} left"
        sys.stderr.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _summary(report: Report, output: Path) -> None:
    print(f"{output}: {len(report.shards)} shards, {report.games:,} games, {report.moves:,} moves, "
          f"{report.labels:,} to learn from")  # fmt: skip
    for title, counts in (("left out", report.skipped), ("packed in spite of", report.noted)):
        for reason, count in counts.most_common():
            print(f"{count:9,}  {title}: {reason}")


def _toy_game(shift: int) -> str:
    points = [row * 19 + (col * 7 + shift) % 19 for row in range(0, 19, 2) for col in range(10)]
    moves = [("black" if number % 2 == 0 else "white", point) for number, point in enumerate(points)]
    return write_game(19, moves, komi=7.5)


if __name__ == "__main__":
    sys.exit(exit_status("prepare_games", main, "stopped: the same command goes on from here"))
