"""Made-up game records for the tests."""

import random
from collections.abc import Sequence
from pathlib import Path

from goengine.sgf import GameRecord, Problem, scan_games

ROOTS = (
    "GM[1]FF[4]SZ[19]KM[6.5]PB[Shusaku]PW[Gennan Inseki]",
    "SZ[19]KM[0.5]HA[2]AB[dd][pp]PB[a\\]b]PW[c\\\\d]RE[B+R]",
    "SZ[19]",
    "FF[3]GM[1]\nSZ[19]\nPB[Black\nplayer]BR[6d]\n\nDT[1996-01-02,03]",
    "SZ[9]AB[aa:cc][ee]AW[gg]PL[W]C[a comment (with parentheses; and more) \\] \\\\]",
    "SZ[19]PB[one]PB[two]AW[aa]AB[bb]AE[aa]",
    "SZ[25]KM[7,5]HA[text 3]",
)
EXTRAS = ("", "", "", "BL[59.5]", "C[good move]", " \n", "C[()\\];B[aa\\]]WL[1]", "N[x]CR[aa][bb]", "TE[1]\r\n")


def game_text(chance: random.Random, moves: int = 40, plain: bool = False) -> str:
    """A random game record: some moves are illegal, off the board, passes, or of the same colour twice."""
    root = chance.choice(ROOTS)
    size = int(root.split("SZ[")[1].split("]")[0])
    letters = "abcdefghijklmnopqrstuvwxy"[:size]
    nodes = []
    for number in range(moves):
        color = "BW"[(number + (chance.random() < 0.05)) % 2]
        point = chance.choice(letters) + chance.choice(letters)
        if chance.random() < 0.03:
            point = chance.choice(["", "tt", "zz", "ty"])
        node = f";{color}[{point}]"
        if not plain and chance.random() < 0.3:
            node += chance.choice(EXTRAS)
        if not plain and chance.random() < 0.01:
            node = chance.choice(
                [";C[only a comment]", ";AB[aa]", ";", ";B[aa][bb]", ";W[ab]B[cd]", "(;B[ee])(;W[ff])"]
            )
        nodes.append(node)
    text = f"(;{root}{''.join(nodes)}"
    return text + ")"


def scan(path: Path) -> tuple[list[GameRecord], list[Problem]]:
    """All that a path holds."""
    items = list(scan_games(path))
    return [item for item in items if isinstance(item, GameRecord)], [
        item for item in items if isinstance(item, Problem)
    ]


def scan_text(folder: Path, text: str | bytes, name: str = "games.sgf") -> tuple[list[GameRecord], list[Problem]]:
    """All that a file with this text holds."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return scan(path)


def one(folder: Path, text: str | bytes) -> GameRecord:
    """The only game of a file that has nothing wrong with it."""
    records, problems = scan_text(folder, text)
    assert not problems, [str(problem) for problem in problems]
    assert len(records) == 1
    return records[0]


def reasons(problems: Sequence[Problem]) -> list[str]:
    """What is wrong, in short."""
    return [f"{problem.property}: {problem.reason}".removeprefix(": ") for problem in problems]
