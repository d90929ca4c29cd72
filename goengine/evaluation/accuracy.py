"""What was measured of a network: accuracy and loss by group, their intervals, and calibration.

One row a position is kept (`Positions`, `Guesses`), so that everything here is a sum over some of the rows.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from goengine.evaluation.calibration import any_move_table, expected_error, expected_error_by_chance, top_move_table
from goengine.evaluation.heldout import HeldOut
from goengine.intervals import Resamples
from goengine.metrics import PolicyMeter
from goengine.shards import rank_text

__all__ = ["INTERVALS", "PHASES", "Guesses", "Positions", "Report", "label_of"]

PHASES = (("1-30", 30), ("31-100", 100), ("101-200", 200), ("201+", 10**9))
"""Name of each phase and its last move."""

INTERVALS = (
    "95 %, by resampling whole games 1,000 times; never narrower than if positions were independent "
    "(Wilson for shares, normal for loss)"
)

_STEPS = (10, 25, 50)  # moves in a bin of accuracy by move number: the first that gives each bin enough positions
_ENOUGH = 100  # positions in a bin, were they spread evenly
_LAST = 300  # later moves are one bin


@dataclass
class Positions:
    """What was asked, a row a position.

    Attributes:
        game: int64, as the corpus numbers them.
        number: int64, of the move to be guessed, from 1; passes before it count.
        source: int64, index into the corpus's source names.
        color: uint8, who plays it: 0 Black, 1 White.
        target: int16, the point played.
    """

    game: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    color: npt.NDArray[np.uint8]
    target: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.game)

    def at(self, rows: npt.NDArray[np.bool_]) -> "Positions":
        """Some of the rows."""
        return Positions(self.game[rows], self.number[rows], self.source[rows], self.color[rows], self.target[rows])


@dataclass
class Guesses:
    """What one network said, a row a position; probabilities are over legal moves.

    Attributes:
        network: its name.
        symmetries: 1, or 2, 4 or 8 for the mean over so many turned and mirrored boards.
        precision: of the convolutions, ``float32`` or ``bfloat16``.
        place: int16, of the move played in the network's order, 0 the likeliest; of equals, half count as likelier.
        played: float32, the probability of the move played.
        best: int16, the likeliest point.
        best_played: float32, its probability.
        any_move: float64 (3, games, bins): counts, hits and sums of probabilities of all legal moves, for
            `goengine.evaluation.calibration.any_move_table`; the games are those of the positions, ascending.
    """

    network: str
    symmetries: int
    precision: str
    place: npt.NDArray[np.int16]
    played: npt.NDArray[np.float32]
    best: npt.NDArray[np.int16]
    best_played: npt.NDArray[np.float32]
    any_move: npt.NDArray[np.float64]

    def hits(self, k: int) -> npt.NDArray[np.bool_]:
        """Whether the move played is among the k likeliest, bool (positions,)."""
        return self.place < k

    def nats(self) -> npt.NDArray[np.float64]:
        """The loss of each position, float64 (positions,)."""
        return -np.log(np.maximum(self.played.astype(np.float64), 1e-30))


class Report:
    """How well one network guesses the moves of games.

    Attributes:
        held_out: what it was measured on.
        positions: the rows.
        guesses: the network's.
        asked: positions that were to be measured; more than there are when the work was interrupted.
        seconds: of work, for all networks that were measured together.
        resamples: of the games of these positions.
    """

    def __init__(
        self,
        held_out: HeldOut,
        positions: Positions,
        guesses: Guesses,
        asked: int | None = None,
        seconds: float = 0.0,
        resamples: Resamples | None = None,
    ) -> None:
        """Keep the rows; `resamples` can be shared by reports on the same positions."""
        self.held_out, self.positions, self.guesses = held_out, positions, guesses
        self.asked = len(positions) if asked is None else asked
        self.seconds = seconds
        self.resamples = resamples or Resamples(positions.game)
        self._nats, self._hits = guesses.nats(), {k: guesses.hits(k) for k in (1, 5)}
        colors = positions.color.astype(np.int64)
        self._ranks = held_out.ranks[positions.game, colors]

    @property
    def network(self) -> str:
        """The network's name."""
        return self.guesses.network

    @property
    def symmetries(self) -> int:
        """1, or 2, 4 or 8 for the mean over so many turned and mirrored boards."""
        return self.guesses.symmetries

    @property
    def label(self) -> str:
        """The network's name, and how it was asked."""
        return label_of(self.network, self.symmetries)

    @property
    def games(self) -> int:
        """How many games the positions were chosen from."""
        return self.held_out.corpus.games

    @property
    def complete(self) -> bool:
        """Whether every position that was asked for has been measured."""
        return len(self.positions) == self.asked

    def groups(self, kind: str) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """Name and rows of each group.

        Args:
            kind: ``phase``; ``source``; ``rank``, of the player who moves, strongest first, where any is known; or
                ``move``, runs of 10 moves, or of 25 or 50 where positions are few.
        """
        if kind == "phase":
            number = np.searchsorted([end for _, end in PHASES], self.positions.number)
            for i, (name, _) in enumerate(PHASES):
                yield name, number == i
        elif kind == "source":
            for i, name in enumerate(self.held_out.corpus.source_names):
                yield name, self.positions.source == i
        elif kind == "rank":
            for code in np.unique(self._ranks)[::-1] if self._ranks.any() else ():
                yield rank_text(int(code)), self._ranks == code
        else:
            step = next((step for step in _STEPS if len(self.positions) * step >= _ENOUGH * _LAST), _STEPS[-1])
            number = np.minimum((self.positions.number - 1) // step, _LAST // step)
            for i in range(_LAST // step + 1):
                first = i * step + 1
                yield f"{first}-{first + step - 1}" if first <= _LAST else f"{first}+", number == i

    def meter(self, where: npt.NDArray[np.bool_] | slice = slice(None)) -> PolicyMeter:
        """The sums over some of the rows."""
        nats = self._nats[where]
        hits = {k: int(np.count_nonzero(hit[where])) for k, hit in self._hits.items()}
        return PolicyMeter(len(nats), float(nats.sum()), hits)

    @property
    def total(self) -> PolicyMeter:
        """Over all positions."""
        return self.meter()

    @property
    def by_phase(self) -> dict[str, PolicyMeter]:
        """By phase of the game."""
        return {name: self.meter(where) for name, where in self.groups("phase")}

    @property
    def by_source(self) -> dict[str, PolicyMeter]:
        """By source."""
        return {name: self.meter(where) for name, where in self.groups("source")}

    def figures(self, where: npt.NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """positions, top1, top5, loss (nats per position) and their intervals, over all rows or some."""
        meter = self.meter(slice(None) if where is None else where)
        intervals = {
            f"{name}_interval": _pair(interval)
            for name, interval in (
                ("top1", self.resamples.share(self._hits[1], where)),
                ("top5", self.resamples.share(self._hits[5], where)),
                ("loss", self.resamples.mean(self._nats, where)),
            )
        }
        return {**meter.as_dict(), **intervals}

    def calibration(self) -> dict[str, Any]:
        """Whether the probabilities are what they say: the expected error, and a table for favourites and for any move.

        ``ece`` is of the likeliest move; ``ece_by_chance`` is what it would be were every probability right;
        ``confidence`` is the mean probability of the likeliest move.
        """
        table = top_move_table(self.guesses.best_played, self.guesses.best == self.positions.target, self.resamples)
        counts, hits, says = self.guesses.any_move
        return {
            "ece": expected_error(table),
            "ece_by_chance": expected_error_by_chance(table),
            "confidence": float(self.guesses.best_played.mean(dtype=np.float64)),
            "top_move": table,
            "any_move": any_move_table(counts, hits, says, self.resamples),
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; training/README.md says what the keys hold."""
        total, hits = self.total, self._hits[1]
        grouped = {
            f"by_{kind}": {name: self.figures(where) for name, where in self.groups(kind) if where.any()}
            for kind in ("phase", "source", "rank", "move")
        }
        return {
            **self.figures(),
            "top1_standard_error": standard_error(total),
            "top1_bootstrap": _pair(self.resamples.bootstrap(hits)),
            "intervals": INTERVALS,
            "games": self.games,
            "games_measured": self.resamples.games,
            "network": self.network,
            "symmetries": self.symmetries,
            "precision": self.guesses.precision,
            "seconds": round(self.seconds, 2),
            "complete": self.complete,
            "asked": self.asked,
            "skipped": dict(self.held_out.skipped.most_common()),
            "noted": dict(self.held_out.noted.most_common()),
            "calibration": self.calibration(),
            **grouped,
        }


def label_of(network: str, symmetries: int) -> str:
    """A network's name, and how it was asked."""
    return f"{network}, {symmetries} symmetries" if symmetries > 1 else network


def standard_error(meter: PolicyMeter) -> float:
    """Of the top-1 accuracy, as if positions were independent (those of one game are not quite)."""
    top1 = meter.top(1)
    return math.sqrt(top1 * (1 - top1) / meter.positions)


def _pair(interval: tuple[float, float]) -> list[float] | None:
    """An interval for JSON; None where there is none."""
    return None if math.isnan(interval[0]) else list(interval)
