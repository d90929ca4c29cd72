"""Train the classifier of points that ``goengine recognize`` uses, on boards drawn for it.

    python training/train_recognizer.py                     # minutes on 2 cores; writes the bundled file
    python training/train_recognizer.py --scenes 200 --epochs 1 --out /tmp/recognizer.safetensors

Pictures are drawn by several processes first (4 windows each), then learned in several passes, mirrored at random; the
last twentieth of the pictures is kept to measure on. Progress goes to stderr.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from goengine.errors import RecipeError
from goengine.exits import exit_status
from goengine.files import check_output
from goengine.recognition.classifier import BUNDLED
from goengine.recognition.lessons import Lesson, lessons_of_scene
from goengine.recognition.network import PointNetwork, save_classifier

_HELD = 20  # one picture in so many is not learned from
_PEAK = 4e-3  # learning rate of AdamW, after a linear rise and before a cosine fall


def main() -> int:
    """Draw, learn, measure, write."""
    parser = argparse.ArgumentParser(description="Train the classifier of goengine recognize.")
    parser.add_argument("--scenes", type=int, default=3000, help="pictures to draw (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=6, help="passes over them (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="windows a step (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="that draw, and threads that learn (default: 2)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=BUNDLED, help="the file to write (default: the bundled one)")
    args = parser.parse_args()
    for name, least in (("scenes", 40), ("epochs", 1), ("batch", 1), ("processes", 1)):
        if getattr(args, name) < least:
            raise RecipeError(f"--{name} {getattr(args, name)} is too few: use {least} or more")
    if not os.access(args.out.parent, os.W_OK):
        raise RecipeError(f"--out {args.out}: {args.out.parent} is no folder that can be written to")
    check_output(args.out)
    started = time.monotonic()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.processes)
    seeds = [args.seed * 1_000_000 + number for number in range(args.scenes)]
    groups: dict[int, list[Lesson]] = {}
    held: list[Lesson] = []
    with get_context("spawn").Pool(args.processes) as pool:
        for number, lessons in enumerate(pool.imap(lessons_of_scene, seeds, chunksize=8), start=1):
            for lesson in lessons:
                if number % _HELD == 0:
                    held.append(lesson)
                else:
                    groups.setdefault(len(lesson.labels), []).append(lesson)
            if number % 50 == 0 or number == args.scenes:
                _say(f"drawn {number}/{args.scenes}", started, number / args.scenes)
    network = PointNetwork()
    learn(network, groups, args.epochs, args.batch, args.seed)
    wrong, points, missed = measure(network, held)
    made = {
        "command": " ".join(["python", *sys.argv]),
        "scenes": args.scenes,
        "epochs": args.epochs,
        "held_out_points": points,
        "held_out_wrong": wrong,
    }
    print(f"wrong {wrong} of {points:,} points kept apart ({wrong / points:.3%}); of these, stones or empty {missed}")
    save_classifier(args.out, network, made)
    print(f"wrote {args.out}: {args.out.stat().st_size:,} bytes, {time.monotonic() - started:.0f} s")
    return 0


def learn(network: PointNetwork, groups: dict[int, list[Lesson]], epochs: int, batch: int, seed: int) -> None:
    """Several passes of AdamW over windows that are batched by their size."""
    rng = np.random.default_rng(seed)
    stacks = {
        side: (np.stack([one.window for one in group]), np.stack([one.labels for one in group]))
        for side, group in groups.items()
    }
    steps = epochs * sum(len(windows) // batch for windows, _ in stacks.values())
    if not steps:
        largest = max(len(windows) for windows, _ in stacks.values())
        raise RecipeError(f"--batch {batch}: no more than {largest} windows of a size were drawn; give a smaller one")
    optimizer = torch.optim.AdamW(network.parameters(), lr=_PEAK, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _PEAK, total_steps=steps, pct_start=0.1)
    network.train()
    started = time.monotonic()
    recent: list[float] = []
    done = 0
    for _ in range(epochs):
        for windows, labels in _batches(stacks, batch, rng):
            loss = functional.cross_entropy(network(windows), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            recent.append(loss.item())
            done += 1
            if done % 50 == 0 or done == steps:
                _say(f"step {done}/{steps}, loss {np.mean(recent[-100:]):.4f}", started, done / steps)
    network.eval()


def measure(network: PointNetwork, held: list[Lesson]) -> tuple[int, int, int]:
    """Wrong points, all points, and the wrong ones that belong to a board and were not taken for off."""
    wrong = points = missed = 0
    with torch.no_grad():
        for lesson in held:
            found = network(torch.from_numpy(lesson.window)[None]).argmax(1)[0].numpy()
            differs = found != lesson.labels
            wrong += int(differs.sum())
            points += lesson.labels.size
            missed += int((differs & (lesson.labels < 3) & (found < 3)).sum())
    return wrong, points, missed


def _batches(
    stacks: dict[int, tuple[NDArray[np.uint8], NDArray[np.int8]]], batch: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """All windows once, in random order, each batch mirrored and turned in one of eight ways."""
    chosen = []
    for side, stack in stacks.items():
        order = rng.permutation(len(stack[0]))
        chosen += [(side, np.sort(order[at : at + batch])) for at in range(0, len(order) - batch + 1, batch)]
    rng.shuffle(chosen)
    for side, index in chosen:
        windows, labels = (torch.from_numpy(part[index]) for part in stacks[side])
        if rng.random() < 0.5:
            windows, labels = windows.flip(1), labels.flip(1)
        if rng.random() < 0.5:
            windows, labels = windows.flip(2), labels.flip(2)
        if rng.random() < 0.5:
            windows, labels = windows.transpose(1, 2), labels.transpose(1, 2)
        yield windows, labels.long()


def _say(what: str, started: float, share: float) -> None:
    left = (time.monotonic() - started) * (1 - share) / share
    sys.stderr.write(f"\r{what}, {left:.0f} s left   ")
    if share >= 1:
        sys.stderr.write("\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(exit_status("train_recognizer.py", main))
