"""What a run on one player's moves learns from, and what it has gained in the end.

The danger is forgetting: two hundred games are soon known by heart, and what the network knew about the game at large
is overwritten. Two things can be set against it: the policy is held near the one that the run began with, which needs
no other games (Li and Hoiem 2016, *Learning without Forgetting*; `goengine.metrics.drift`), and part of each batch can
be general games. Measured, the first does better than the opponents' moves as general games (training/LOG.md).

What a player does in the opening comes again exactly, and is remembered beside the network (`goengine.repertoire`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goengine.checkpoint import Network, load_network, save_network
from goengine.corpus import Corpus, join, load_corpus
from goengine.corpus.players import FEW_GAMES, OPPONENTS, PLAYER, PlayerGames, read_player
from goengine.errors import NetworkFileError, RecipeError
from goengine.evaluation.comparison import compare
from goengine.evaluation.evaluator import Subject, measure
from goengine.evaluation.heldout import HeldOut
from goengine.files import written
from goengine.recipe import Recipe
from goengine.repertoire import Repertoire

__all__ = ["OwnGames", "Say", "gains", "keep_start", "own_games", "report", "sentence"]

Say = Callable[[str], None]

_MIX_GAMES = 5_000  # more than a run on one player's games can see


@dataclass(frozen=True)
class OwnGames:
    """The games of such a run.

    Attributes:
        players: the player's names.
        recipe: with the weights that the sources get, and the positions that its epochs come to.
        training: source `PLAYER`, and those of the general games, if there are any.
        held_out: games of the player that are not learnt from, the player's moves.
        general: moves of others to measure forgetting on, of games that are not learnt from.
        repertoire: of the player, in the games to learn from; None where the recipe's ``openings`` is 0.
    """

    players: tuple[str, ...]
    recipe: Recipe
    training: Corpus
    held_out: Corpus
    general: Corpus
    repertoire: Repertoire | None = None

    def described(self) -> dict[str, Any]:
        """For a network file."""
        return {
            "players": list(self.players),
            "games": self.training.source_games()[PLAYER],
            "positions": self.training.source_sizes()[PLAYER],
            "held_out_games": self.held_out.games,
            "general_sources": list(self.general.source_names),
        }


def own_games(
    paths: Sequence[str],
    players: Sequence[str],
    mix: Sequence[str],
    validation: Sequence[str],
    recipe: Recipe,
    say: Say,
) -> OwnGames:
    """Read and divide the games.

    Args:
        paths: records with the player's games.
        players: the player's names.
        mix: general games to learn from as well: records or shards.
        validation: general games to measure forgetting on; without them a part of `mix`, or the opponents' moves in
            the held-out games.
        recipe: its board_size, hold_out, seed, player_share and epochs count.
        say: told what was found, left out and put in its place.

    Raises:
        RecipeError: if the player has fewer than two games here.
        RecordError, ShardError: for files that cannot be used.
    """
    games = read_player(paths, players, recipe.board_size, say)
    learnt, held = games.split(recipe.hold_out, recipe.seed)
    for line in games.lines():
        say(line)
    if len(games) < FEW_GAMES:
        say(f"warning: only {len(games)} games: expect little, and wide intervals; 100 and more are worth having")
    others, general = _others(games, learnt, held, mix, validation, recipe, say)
    held_out = games.corpus(held, (PLAYER,))
    mine = games.corpus(learnt, (PLAYER,))
    training = join([mine, *others])
    sizes = training.source_sizes()
    total = sum(sizes.values())
    if not sizes[PLAYER] or not len(held_out):
        raise RecipeError("the player makes no move in some of these games; give more")
    share = recipe.player_share if total > sizes[PLAYER] else 1.0
    weights = {
        name: (share / size if name == PLAYER else (1 - share) / (total - sizes[PLAYER]))
        for name, size in sizes.items()
        if size
    }
    recipe = dataclasses.replace(recipe, weights=weights).with_length(sizes[PLAYER] / share)
    say(
        f"{sizes[PLAYER]:,} moves of {len(learnt):,} games to learn from, {len(held_out):,} of {len(held):,} games "
        f"held out; {share:.0%} of each batch are the player's"
    )
    repertoire = None
    if recipe.openings:
        labels = np.flatnonzero(mine.plies(np.arange(len(mine))) <= 2 * recipe.openings)  # captures, handicaps
        words, targets, _ = mine.encode(labels, recipe.encoder_threads)
        repertoire = Repertoire.of(words, targets, recipe.board_size, recipe.openings)
        say(f"remembered beside the network: {len(repertoire):,} positions of at most {recipe.openings} stones")
    return OwnGames(tuple(players), recipe, training, held_out, general, repertoire)


def _others(
    games: PlayerGames,
    learnt: Sequence[int],
    held: Sequence[int],
    mix: Sequence[str],
    validation: Sequence[str],
    recipe: Recipe,
    say: Say,
) -> tuple[list[Corpus], Corpus]:
    """General games to learn from, if there are any, and moves of others to measure forgetting on."""
    if validation:
        general = load_corpus(validation, recipe.board_size, progress=say)
    if mix:
        mixed = load_corpus(mix, recipe.board_size, training=True, progress=say).sample(_MIX_GAMES, recipe.seed)
        if not validation:
            mixed, general = mixed.hold_out(recipe.hold_out, recipe.seed)
    elif recipe.retain:
        say(f"no --mix: retain = {recipe.retain:g} alone holds the network near what it knew")
    else:
        say("no --mix and retain = 0: nothing keeps the network from forgetting what these games do not show")
    if not validation and not mix:
        say("no --validation: forgetting is measured on the opponents' moves in the held-out games")
        return [], games.corpus(held, (OPPONENTS,))
    before, general = general.games, general.without(games.fingerprints(learnt))
    if general.games < before:
        say(f"left out of the general games: {before - general.games:,} that are among the player's")
    if not mix:
        return [], general
    return [mixed.without(games.fingerprints() | general.fingerprints())], general


def keep_start(begin: Path, path: Path) -> None:
    """Copy the network that a run begins with into the run's folder, for a resumed run and for the report at its end.

    Raises:
        NetworkFileError: if it cannot be read or written (a full disk).
    """
    try:
        with written(path) as temporary:
            temporary.write_bytes(begin.read_bytes())
    except OSError as error:
        raise NetworkFileError(f"{path}: cannot be written ({error.strerror}); free some space") from None


def gains(
    before: Network, afters: Sequence[Network], corpus: Corpus, limit: int, threads: int = 1
) -> list[dict[str, Any]]:
    """How well a network, and each of those made from it, guess the same moves.

    Returns:
        For each of the latter: positions and games; top1_before and top1_after (fractions, among legal moves),
        loss_before and loss_after (nats), each with its ``_interval``; top1_gain and loss_gain, after less before, with
        the intervals of paired differences. Intervals are 95 %, by resampling games.

    Raises:
        KeyboardInterrupt: it was interrupted; a part of the moves is no measurement.
    """
    reports = measure([Subject(before), *map(Subject, afters)], HeldOut.of(corpus), limit, threads=threads)
    if not all(report.complete for report in reports):
        raise KeyboardInterrupt
    first, results = reports[0], []
    for second in reports[1:]:
        result: dict[str, Any] = {"positions": len(first.positions), "games": len(np.unique(first.positions.game))}
        for when, report in (("before", first), ("after", second)):
            hits, nats = report.guesses.hits(1), report.guesses.nats()
            result |= {f"top1_{when}": float(hits.mean()), f"loss_{when}": float(nats.mean())}
            result[f"top1_{when}_interval"] = _plain(report.resamples.share(hits))
            result[f"loss_{when}_interval"] = _plain(report.resamples.mean(nats))
        difference = compare(second, first)
        for name in ("top1", "loss"):
            result |= {f"{name}_gain": difference[name], f"{name}_gain_interval": difference[f"{name}_interval"]}
        results.append(result)
    return results


def _plain(interval: tuple[float, float]) -> list[float] | None:
    """For JSON, which knows no NaN."""
    return None if np.isnan(interval[0]) else list(interval)


def sentence(name: str, measured: dict[str, Any]) -> str:
    """A gain in a line for people."""

    def percent(when: str) -> str:
        low_high = measured[f"top1_{when}_interval"]
        around = "" if low_high is None else f" ({100 * low_high[0]:.1f} to {100 * low_high[1]:.1f})"
        return f"{100 * measured[f'top1_{when}']:.1f} %{around}"

    difference, low_high = 100 * measured["top1_gain"], measured["top1_gain_interval"]
    around = "" if low_high is None else f" ({100 * low_high[0]:+.2f} to {100 * low_high[1]:+.2f})"
    return (
        f"{name}, {measured['positions']:,} moves of {measured['games']:,} held-out games: top-1 {percent('before')} "
        f"before, {percent('after')} after: {difference:+.2f} points{around}, loss {measured['loss_gain']:+.4f} nats"
    )


def report(own: OwnGames, start: Path, tuned: Path, limit: int, threads: int, say: Say) -> dict[str, Any]:
    """Measure what a run has gained and lost, say it, and write it into the network's file.

    Args:
        own: the run's games.
        start: the network file that it began with.
        tuned: the network file that it made.
        limit: positions at most, for each of the two measurements.
        threads: that work side by side.
        say: told the results.

    Returns:
        What the file's metadata has under ``fine_tuning``: `OwnGames.described`, from, player and general (`gains`;
        the latter only where there are such moves),
        and player_network and general_network without the repertoire, where there is one.
    """
    before, alone = load_network(start), load_network(tuned)
    afters = {"": alone}
    if own.repertoire is not None:
        afters = {"": dataclasses.replace(alone, repertoire=own.repertoire), "_network": alone}
    results = {**own.described(), "from": before.name}
    for name, corpus in ((PLAYER, own.held_out), ("general", own.general)):
        if not len(corpus):
            say("what it has forgotten cannot be measured: there are no moves of others in held-out games")
        else:
            say(f"measuring on {min(limit, len(corpus)):,} {name} positions, before and after ...")
            found = gains(before, list(afters.values()), corpus, limit, threads)
            results |= {name + which: one for which, one in zip(afters, found, strict=True)}
    who = ", ".join(own.players)
    for name, words in (("general", f"general ({', '.join(own.general.source_names)})"), (PLAYER, who)):
        for which, more in (("_network", ", the network without what is remembered"), ("", "")):
            if name + which in results:
                say(sentence(words + more, results[name + which]))
    low_high = results[PLAYER]["top1_gain_interval"]
    if low_high is not None and low_high[1] < 0:
        say("it predicts this player worse than before: lower the rate (--rate), or learn from fewer positions")
    elif low_high is None or low_high[0] <= 0:
        say("the interval of the gain reaches 0: more games would tell whether there is one")
    say("95 % intervals by resampling whole games; those of the gain are of paired differences")
    metadata = {**alone.metadata, "name": f"{before.name} as {who}", "fine_tuning": results}
    save_network(tuned, alone.module, metadata, own.repertoire)
    return results
