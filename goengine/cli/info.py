"""``goengine info``: layers, parameters, receptive field and multiplications of a network, and where it came from."""

import argparse
import json
from dataclasses import asdict
from typing import Any

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine info``."""
    parser.add_argument("network", nargs="?", help="a network file, or bundled, small or alphago (default: bundled)")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with the recipe too")


def run(args: argparse.Namespace) -> int:
    """Describe a network file."""
    from goengine.bundled import network_file
    from goengine.checkpoint import load_network
    from goengine.summary import summarize

    network = load_network(args.network)
    path = network_file(args.network)
    summary = summarize(network.module, network.size)
    metadata = network.metadata
    if args.json:
        print(json.dumps({"file": str(path), **metadata, **asdict(summary)}))
        return 0
    board = f"{network.size}x{network.size}"
    print(f"{network.name}: {metadata['architecture']} on {network.feature_set}, {board}  ({path})\n")
    print(f"{'layer':24}{'':20}{'output':>14}{'parameters':>13}{'multiplications':>17}")
    for layer in summary.layers:
        shape = "x".join(map(str, layer.shape))
        print(f"{layer.name:24}{layer.kind:20}{shape:>14}{layer.parameters:13,}{layer.multiplications:17,}")
    print(f"{'total':58}{summary.parameters:13,}{summary.multiplications:17,}\n")
    field = summary.receptive_field
    whole = ", more than the board: every point sees every other" if field >= 2 * network.size - 1 else ""
    print(f"receptive field   {field}x{field} points{whole}")
    print(f"parameters        {summary.parameters:,} ({path.stat().st_size:,} bytes on disk)")
    print(f"multiplications   {summary.multiplications / 1e6:,.1f} million a position")
    if network.repertoire is not None:
        known = network.repertoire
        print(
            f"remembers         {len(known):,} positions of at most {known.stones} stones, by the player's own choices"
        )
    _print_training(metadata)
    return 0


def _print_training(metadata: dict[str, Any]) -> None:
    """What the file tells about its training, as far as it does."""
    training, results = metadata.get("training"), metadata.get("results")
    if isinstance(training, dict) and "positions" in training:
        print(f"trained on        {training['positions']:,} positions, {training.get('seconds', 0) / 60:,.0f} minutes")
        earlier = training.get("earlier")
        if isinstance(earlier, list) and earlier:
            positions, seconds = (sum(stage.get(key, 0) for stage in earlier) for key in ("positions", "seconds"))
            runs = "an earlier run" if len(earlier) == 1 else f"{len(earlier)} earlier runs"
            print(f"before that       {positions:,} positions, {seconds / 60:,.0f} minutes, in {runs}")
        sources = training.get("sources")
        if isinstance(sources, dict):
            print(f"drawn from        {', '.join(f'{name} ({count:,})' for name, count in sources.items())}")
    if isinstance(results, dict):
        for name, one in results.items():
            if isinstance(one, dict):
                _print_result(name, one)
    reinforced = training.get("reinforced") if isinstance(training, dict) else None
    if isinstance(reinforced, dict):
        print(f"reinforced by     {reinforced['games']:,} games in {reinforced['iterations']:,} iterations")
    tuned = metadata.get("fine_tuning")
    if isinstance(tuned, dict):
        from goengine.finetune import sentence

        print(
            f"tuned to          {', '.join(tuned['players'])}: {tuned['positions']:,} moves of {tuned['games']:,} games"
        )
        for name in ("player", "player_network", "general", "general_network"):
            if isinstance(tuned.get(name), dict):
                print(f"                  {sentence(name.replace('_network', ', the network alone'), tuned[name])}")


def _print_result(name: str, one: dict[str, Any]) -> None:
    """A measurement: of moves predicted, or of games played against the network that reinforcement began with."""
    if {"top1", "top5", "loss", "positions"} <= one.keys():
        print(
            f"held out          {name}: top-1 {one['top1']:.2%}, top-5 {one['top5']:.2%}, "
            f"loss {one['loss']:.4f} on {one['positions']:,} positions"
        )
    elif {"share", "low", "high", "games"} <= one.keys():
        print(
            f"played            {name}: {one['share']:.1%} of {one['games']:,} games against its start "
            f"({one['low']:.1%} to {one['high']:.1%})"
        )
