r"""Games of networks by the thousand: python training/self_play.py NETWORK [OPPONENT...] --output FOLDER.

    python training/self_play.py bundled --games 1000 --output runs/games             # against itself
    python training/self_play.py new.safetensors old.safetensors --output runs/match  # against another one
    python training/self_play.py new.safetensors runs/x/pool --output runs/pool       # against all of a folder

Many games at once share each evaluation. Against others every opening is played twice, with colours swapped. A game
ends when nothing is left to play (goengine/selfplay/ending.py) and is counted by area. The folder gets every game as
SGF and in shards (training/train.py --games FOLDER/shards), and the results with 95 % intervals. Ctrl-C finishes the
games on the boards, a second one gives them up; the same command goes on, also after any cut, and with more --games.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from goengine.bundled import DEFAULT, NAMED, network_file
from goengine.checkpoint import Network, load_network
from goengine.errors import GoEngineError
from goengine.exits import exit_status
from goengine.match.openings import make_openings
from goengine.resize import resized
from goengine.rules import KO_RULES
from goengine.runlog import clock
from goengine.selfplay import Game, Played, Sampling, SelfPlay
from goengine.selfplay.folder import GamesFolder
from goengine.selfplay.results import results_text, summarize
from goengine.style import ORIENTATIONS
from goengine.trainer import StopSignals

REPORT_EVERY = 10.0  # seconds between two lines of progress


# ---------------------------------------------------------------------------------------------------- the command line


def parse_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="self_play.py", description="Games of networks by the thousand.")
    parser.add_argument("network", metavar="NETWORK", help="a network file, or bundled, small or alphago")
    parser.add_argument(
        "opponents",
        nargs="*",
        metavar="OPPONENT",
        help="other network files, or folders of them (else it plays itself)",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the games go")
    parser.add_argument("--games", type=int, default=1000, metavar="N", help="in all (default: %(default)s)")
    parser.add_argument("--slots", type=int, default=128, metavar="N", help="games at once (default: %(default)s)")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="cores to use (default: all)")
    parser.add_argument("--per-file", type=int, default=1000, metavar="N", help="games a file (default: %(default)s)")
    game = parser.add_argument_group("the games")
    game.add_argument("--size", type=int, metavar="N", help="of the board: networks for another one are put on it "
                      "(default: the first network's)")  # fmt: skip
    game.add_argument("--komi", type=float, default=7.5, metavar="K", help="points for White (default: %(default)s)")
    game.add_argument("--ko", choices=KO_RULES, default="positional", help="(default: %(default)s)")
    game.add_argument("--max-moves", type=int, metavar="N", help="where a game is cut off (default: 2 a point)")
    game.add_argument(
        "--openings",
        metavar="WHICH",
        help="corners, random, network, network:FILE, or the path of game records (default: the empty board)",
    )
    game.add_argument("--opening-moves", type=int, metavar="N", help="of an opening (default: 4 for corners, else 8)")
    game.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is drawn (default: %(default)s)")
    draw = parser.add_argument_group("how moves are drawn")
    draw.add_argument("--symmetries", type=int, choices=ORIENTATIONS, default=1, metavar="N",
                      help="average the first network over 2, 4 or 8 orientations; its opponents see one")  # fmt: skip
    draw.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="T",
        help="0: the likeliest; 1: as likely as the network says (default: %(default)s)",
    )
    draw.add_argument(
        "--top-p", type=float, default=1.0, metavar="P", help="the likeliest moves up to this share (default: 1)"
    )
    draw.add_argument("--drawn", type=int, metavar="N", help="draw in the first N plies, then play the likeliest")
    args = parser.parse_intermixed_args(words)
    counts = args.games, args.slots, args.per_file, args.max_moves or 1, args.opening_moves or 1
    if min(counts) < 1 or args.opening_moves == 0 or args.max_moves == 0 or args.threads < 0 or args.seed < 0:
        parser.error("--games, --slots, --per-file, --max-moves, --opening-moves need 1 or more, --seed 0 or more")
    if not math.isfinite(args.komi):
        parser.error("--komi needs a number")
    return args


# --------------------------------------------------------------------------------------------------------- the players


class Players:
    """The networks, the first one first, with names and digests of their files."""

    def __init__(self, first: str, others: list[str], device: str, size: int | None = None) -> None:
        files = [network_file(first)]
        for given in others:
            inside = sorted(Path(given).glob("*.safetensors")) if Path(given).is_dir() else [network_file(given)]
            if not inside:
                raise GoEngineError(f"{given}: no network file (*.safetensors) in this folder; check the path")
            files += inside
        self.networks: list[Network] = [load_network(file, device) for file in files]
        if size is not None:
            self.networks = [resized(network, size) for network in self.networks]
        self.digests = [hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files]
        names = [network.name for network in self.networks]
        if len(set(names)) < len(names):
            names = [file.stem if file != NAMED[DEFAULT] else DEFAULT for file in files]
        self.names = [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


# ----------------------------------------------------------------------------------------------------------- the games


class Schedule:
    """Which players meet in which game, and on which opening; the same whatever the number of games."""

    def __init__(self, args: argparse.Namespace, players: int, size: int) -> None:
        self.games = args.games
        self.opponents = players - 1
        self._openings = None
        self.digest = ""
        if args.openings is not None:
            self._openings = make_openings(args.openings, args.opening_moves, size, args.seed, args.ko)
            self.digest = self._openings.digest
            count = self._openings.count
            needed = self.games if not self.opponents else -(-self.games // (2 * self.opponents))
            if count is not None and count < needed:
                raise GoEngineError(
                    f"{args.openings}: only {count} different openings, and {self.games} games need {needed}: "
                    "ask for fewer games or longer openings"
                )

    def game(self, number: int) -> Game:
        """The game of a number from 0."""
        if not self.opponents:
            return Game(number, 0, 0, self._opening(number))
        turn, swapped = divmod(number, 2)
        opening, opponent = divmod(turn, self.opponents)
        black, white = (opponent + 1, 0) if swapped else (0, opponent + 1)
        return Game(number, black, white, self._opening(opening))

    def _opening(self, number: int) -> tuple[int, ...]:
        if self._openings is None:
            return ()
        opening = self._openings.make(number)
        area = opening.size**2
        colors = ["black", "white"] * len(opening.moves)
        if [color for color, _ in opening.moves] != colors[: len(opening.moves)]:
            raise GoEngineError("a game among the openings has two moves of one colour in a row: leave it out")
        return tuple(area if point is None else point for _, point in opening.moves)


class Progress:
    """A line on stderr now and then, with the time left."""

    def __init__(self, folder: GamesFolder, missing: int, size: int) -> None:
        self._folder, self._missing = folder, missing
        self._guess = 0.9 * size * size  # plies of a game, until some are over
        self._plies, self._done, self._done_plies = 0, 0, 0
        self._began = self._told = time.monotonic()

    def ply(self, decisions: int) -> None:
        """So many moves were made."""
        self._plies += decisions
        if time.monotonic() - self._told >= REPORT_EVERY:
            self.tell()

    def game(self, played: Played) -> None:
        """A game is over."""
        self._done += 1
        self._done_plies += len(played.actions)

    def tell(self) -> None:
        """Say how far it is."""
        self._told = time.monotonic()
        seconds = self._told - self._began
        length = self._done_plies / self._done if self._done >= 20 else self._guess
        left = max(0.0, self._missing * length / max(1, self._plies) - 1) * seconds
        text = f"{self._done:,} of {self._missing:,} games, {self._plies / seconds:,.0f} moves a second"
        if self._done:
            text += f", {60 * self._done / seconds:.1f} games a minute"
        pairs = summarize(self._folder.played.values(), [str(i) for i in range(1000)])["pairs"]
        if len(pairs) == 1:
            low, high = pairs[0]["share_95"]
            text += f"; {pairs[0]['share']:.1%} of the points ({100 * low:.1f} to {100 * high:.1f})"
        say(f"{text}; about {clock(left)} left")


def say(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def play_all(
    args: argparse.Namespace, players: Players, schedule: Schedule, folder: GamesFolder, sampling: Sampling
) -> int:
    """Play what is missing; the result is the number of the signal that stopped it, else 0."""
    size = players.networks[0].size
    missing = [number for number in range(schedule.games) if number not in folder.played]
    progress = Progress(folder, len(missing), size)
    with StopSignals() as stop:

        def games() -> Iterator[Game]:
            for number in missing:
                if stop.caught:
                    say("finishing the games on the boards (Ctrl-C again: not even those); the same command goes on")
                    return
                yield schedule.game(number)

        arena = SelfPlay(
            players.networks,
            size=size,
            komi=args.komi,
            ko=args.ko,
            max_moves=args.max_moves,
            slots=min(args.slots, max(1, len(missing))),
            sampling=sampling,
            symmetries=[args.symmetries] + [1] * (len(players.networks) - 1),
            seed=args.seed,
            threads=torch.get_num_threads(),
            watch=lambda turn: progress.ply(len(turn.actions)),
        )
        for played in arena.play(games()):
            folder.add(played)
            progress.game(played)
        if missing:
            progress.tell()
        return stop.caught


def work(args: argparse.Namespace) -> int:
    """Play the games; their files and results are written whatever ends it."""
    if args.threads:
        torch.set_num_threads(args.threads)
    sampling = Sampling(args.temperature, args.top_p, args.drawn)
    players = Players(args.network, args.opponents, args.device, args.size)
    size = players.networks[0].size
    schedule = Schedule(args, len(players.networks), size)
    settings: dict[str, Any] = {
        "networks": [list(pair) for pair in zip(players.names, players.digests, strict=True)],
        **{"size": size, "komi": args.komi, "ko": args.ko, "max_moves": args.max_moves or 2 * size * size},
        **{"openings": args.openings, "opening_moves": args.opening_moves, "records": schedule.digest},
        **{"seed": args.seed, "temperature": args.temperature, "top_p": args.top_p, "drawn": args.drawn},
        **({"symmetries": args.symmetries} if args.symmetries > 1 else {}),
    }
    folder = GamesFolder(args.output, settings, players.names, size, args.komi, args.per_file)
    try:
        caught = play_all(args, players, schedule, folder, sampling)
    finally:
        folder.write_files()
        found = summarize(folder.played.values(), players.names)
        folder.write("results.json", json.dumps(found, indent=2) + "\n")
        folder.write("results.txt", results_text(found))
        folder.close()
    sys.stdout.write(results_text(found))
    return 128 + caught if caught else 0


def main(words: list[str] | None = None) -> int:
    """Play the games; the result is the exit status."""
    args = parse_arguments(words)
    return exit_status("self_play", lambda: work(args), place=args.output)


if __name__ == "__main__":
    sys.exit(main())
