"""The games that a training run learns from, and those that it is measured on."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goengine.corpus import Corpus, check_apart, join, load_corpus
from goengine.corpus.players import PLAYER
from goengine.errors import RecipeError
from goengine.finetune import OwnGames, own_games
from goengine.recipe import Recipe

__all__ = ["Material", "check_player", "gather", "other_games"]


@dataclass(frozen=True)
class Material:
    """Games to learn from and games held out, and the recipe that fits them."""

    recipe: Recipe
    training: Corpus
    held_out: Corpus
    own: OwnGames | None
    """With a player: whose moves are which."""


def gather(
    recipe: Recipe,
    games: Sequence[str],
    validation: Sequence[str],
    players: Sequence[str],
    mix: Sequence[str],
    trial: bool,
    say: Callable[[str], None],
) -> Material:
    """Load what a run is given.

    Args:
        recipe: the run's.
        games: shards or game records to learn from.
        validation: games to measure on; without any, the recipe's part of `games` is held out.
        players: names of one player, whose moves alone are learnt; the recipe gets the shares of the sources. With
            or without, it gets the positions that its epochs come to.
        mix: with a player, general games besides.
        trial: the recipe's sources need not all be there.
        say: takes lines about what was found.

    Raises:
        RecipeError: if there are no games, options that do not go together, or files in both `games` and `validation`.
    """
    if not games:
        raise RecipeError("give games to learn from: --games data/shards, or SGF files")
    if players:
        own = own_games(games, players, mix, validation, recipe, say)
        return Material(own.recipe, own.training, join([own.held_out, own.general]), own)
    if mix:
        raise RecipeError("--mix goes with --player: give all games to --games")
    check_apart(games, validation)
    corpus = load_corpus(games, recipe.board_size, training=True, progress=say)
    if trial:
        recipe = _with_sources_of(corpus, recipe, say)
    if validation:
        held_out = load_corpus(validation, recipe.board_size, progress=say)
    else:
        corpus, held_out = corpus.hold_out(recipe.hold_out, recipe.seed)
    return Material(recipe.with_length(len(corpus)), corpus, held_out, None)


def check_player(players: Sequence[str], resumed: Mapping[str, Any]) -> None:
    """Before games are loaded: that a run on one player's moves goes on as one.

    Args:
        players: as for `gather`.
        resumed: the run's checkpoint.

    Raises:
        RecipeError: if the run learns a player's moves and no player is named, or the other way round.
    """
    of_a_player = PLAYER in resumed["sampler"]["drawn"]
    if of_a_player and not players:
        raise RecipeError("this run learns one player's moves: give --player, --games and --mix as before")
    if players and not of_a_player:
        raise RecipeError("this run learns all players' moves: leave out --player, or begin a new run with --from")


def other_games(material: Material, resumed: Mapping[str, Any], folder: Path) -> str | None:
    """A line if these are other games than those that a run began with; checkpoints from before that was noted pass.

    Args:
        material: the games of this session.
        resumed: the run's checkpoint.
        folder: the run's.

    Raises:
        RecipeError: if the run cannot go on with these games at all.
    """
    recipe, corpus = material.recipe, material.training
    now = corpus.source_sizes()
    before = resumed.get("sources", now)
    if recipe.source_biases and list(before) != list(now):
        raise RecipeError(
            f"{folder} learns a bias for each of {', '.join(before)}: give games of these sources, no others"
        )
    if before == now and resumed.get("games", corpus.digest()) == corpus.digest():
        return None
    return (
        f"warning: other games than before, which were {before} (positions): not the same run; give the same "
        f"--games, or begin a new run with --from {folder / 'network.safetensors'}"
    )


def _with_sources_of(corpus: Corpus, recipe: Recipe, say: Callable[[str], None]) -> Recipe:
    """The recipe without the sources that are not there: a trial of it does not need them."""
    there = corpus.source_names
    named = {*recipe.weights, *recipe.cooldown_shares, *filter(None, [recipe.source_biases])}
    absent = sorted(named - set(there))
    if not absent:
        return recipe
    say(f"only a trial: the recipe's sources {', '.join(absent)} are not among these games, and are left out")
    return dataclasses.replace(
        recipe,
        weights={name: weight for name, weight in recipe.weights.items() if name in there},
        cooldown_shares={name: share for name, share in recipe.cooldown_shares.items() if name in there},
        source_biases=there[0] if recipe.source_biases in absent else recipe.source_biases,
    )
