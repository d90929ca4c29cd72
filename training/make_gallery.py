"""Make the pictures of docs/gallery, each by its own command, and the page that shows them.

    python training/make_gallery.py                 all that are not there yet
    python training/make_gallery.py --again NAME... these, even if they are there
    python training/make_gallery.py --page          the page alone

The commands run from the root of the checkout, and stand in docs/gallery/README.md above their pictures. A command that
fails is told in one line, and the others go on; the page shows the pictures that are there.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from goengine.errors import GoEngineError
from goengine.exits import exit_status
from goengine.files import write_text

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "docs" / "gallery"
DIGITS = "runs/digits/network.safetensors"


@dataclass(frozen=True)
class Picture:
    """A picture of the gallery.

    Attributes:
        name: of its file, without .png.
        command: what makes it, run from the root; {out} stands for the file.
        caption: what is to be seen, a sentence or two.
        needs: a file that another command makes, or "".
    """

    name: str
    command: str
    caption: str
    needs: str = ""


PREPARATIONS = {
    DIGITS: "python training/train_images.py training/recipes/images/digits.toml --run runs/digits",
}
"""A file that pictures need: the command that makes it."""

PICTURES = (
    Picture(
        "explain",
        "goengine explain data/samples/game-0005.sgf --move 49 --out {out}",
        "Which stones does White's move depend on? Left the gradient, right what happens when each stone is taken off "
        "the board and the rules rebuild the position: without Black's last move (orange ring) there is nothing to "
        "answer (1), and without the stones on both sides nothing to connect (2, 3).",
    ),
    Picture(
        "explain-chains",
        "goengine explain data/samples/game-0005.sgf --move 49 --by chain --integrated --out {out}",
        "The same move, with whole chains taken away, and integrated gradients from the empty board: parts that add "
        "up to the move's log odds here, less those on the empty board.",
    ),
    Picture(
        "filters",
        "python training/look.py filters --out {out}",
        "The 64 filters of the bundled policy network's first layer: own less opponent's stones. Many look at one "
        "point and its neighbours, some at a cross or at one direction.",
    ),
    Picture(
        "maps",
        "python training/look.py maps --layer norm --out {out}",
        "What the last layer makes of one position: the maps from which the head adds up the move.",
    ),
    Picture(
        "shapes",
        "python training/look.py shapes --games data/samples --filters 0 1 2 3 5 6 --out {out}",
        "The shapes of real games that fire filters of the first layer most, each from another game.",
    ),
    Picture(
        "ascent",
        "python training/look.py ascent --layer blocks.0.conv1 --out {out}",
        "The planes that most excite filters of the second layer at the middle of the board, by gradient ascent: "
        "plain, and with the L1 term, which leaves what is worth its price. The rules of Go do not hold here, so these "
        "are no positions; the shapes above are.",
    ),
    Picture(
        "digits-curves",
        f"python training/look.py curves --classifier {DIGITS} --out {{out}}",
        "Loss and accuracy while the lectures' network learned scikit-learn's digits: on the changed images that it "
        "learns from (the loss there is that of smoothed labels, which cannot reach 0), and, with averaged weights, on "
        "the 359 test images.",
        DIGITS,
    ),
    Picture(
        "digits-confusion",
        f"python training/look.py confusion --classifier {DIGITS} --out {{out}}",
        "Which digits it takes for which: rows are what they are, columns what it says.",
        DIGITS,
    ),
    Picture(
        "digits-roc",
        f"python training/look.py roc --classifier {DIGITS} --out {{out}}",
        "How many images of a digit are found, for so many false alarms among the others; the numbers are the areas.",
        DIGITS,
    ),
    Picture(
        "digits-mistakes",
        f"python training/look.py mistakes --classifier {DIGITS} --out {{out}}",
        "The mistakes that it is most sure of: what they are, what it says, and how sure it is.",
        DIGITS,
    ),
    Picture(
        "digits-filters",
        f"python training/look.py filters --classifier {DIGITS} --out {{out}}",
        "The 25 filters of the lectures' network, learned from scikit-learn's digits.",
        DIGITS,
    ),
    Picture(
        "digits-maps",
        f"python training/look.py maps --classifier {DIGITS} --out {{out}}",
        "What they make of one test image.",
        DIGITS,
    ),
    Picture(
        "digits-ascent",
        f"python training/look.py ascent --classifier {DIGITS} --out {{out}}",
        "What the network would most like to see for each digit: plain, and with the sum of |x| held against it.",
        DIGITS,
    ),
    Picture(
        "digits-ascent-filters",
        f"python training/look.py ascent --classifier {DIGITS} --layer features.3 --out {{out}}",
        "The images that most excite filters of its second convolution.",
        DIGITS,
    ),
    Picture(
        "digits-reasons",
        f"python training/look.py reasons --classifier {DIGITS} --out {{out}}",
        "Why it says so, asked in three ways; the first is one of its few mistakes.",
        DIGITS,
    ),
)


def main(argv: list[str] | None = None) -> int:
    """Make pictures and the page; the exit status is 1 if one could not be made, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="make_gallery.py", description="Make the pictures of docs/gallery.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--again", action="store_true", help="also those that are there")
    parser.add_argument("--page", action="store_true", help="write the page only")
    parser.add_argument("--folder", type=Path, default=GALLERY, help="where to (default: docs/gallery)")
    arguments = parser.parse_args(argv)
    folder: Path = arguments.folder.resolve()
    return exit_status(
        "make_gallery.py",
        lambda: work(folder, arguments.names, arguments.again, arguments.page),
        "interrupted: the same command makes what is still missing",
        place=folder,
    )


def work(folder: Path, names: list[str], again: bool, page_only: bool) -> int:
    """Make what is asked for, and the page; 1 if a picture could not be made.

    Raises:
        GoEngineError: there is no picture of such a name.
    """
    known = {picture.name: picture for picture in PICTURES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise GoEngineError(f"there is no picture {unknown[0]!r}; there are {', '.join(known)}")
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for picture in () if page_only else [known[name] for name in names or known]:
        if again or not (folder / f"{picture.name}.png").exists():
            failed += not make(picture, folder)
    write_text(folder / "README.md", page(folder))
    return int(failed > 0)


def say(text: str) -> None:
    """A line on stderr."""
    print(f"make_gallery.py: {text}", file=sys.stderr, flush=True)


def make(picture: Picture, folder: Path) -> bool:
    """Run a picture's command, and first the one that makes what it needs; whether all went well."""
    if picture.needs and not (ROOT / picture.needs).exists():
        say(f"first, for {picture.name}: {PREPARATIONS[picture.needs]}")
        if not run(PREPARATIONS[picture.needs]):
            return False
    started = time.monotonic()
    if not run(picture.command.format(out=shlex.quote(str(folder / f"{picture.name}.png")))):
        return False
    say(f"{picture.name}: {time.monotonic() - started:.0f} s")
    return True


def run(command: str) -> bool:
    """Run a command of this project with this Python, from the root; says which one failed."""
    words = shlex.split(command)
    words = [sys.executable, *(["-m"] if words[0] == "goengine" else []), *words[words[0] == "python" :]]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    result = subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no message"]
        say(f"exit status {result.returncode} of {command}: {lines[-1]}")
    return result.returncode == 0


def page(folder: Path) -> str:
    """The page: each picture that is there, under its command."""
    lines = [
        "# Gallery",
        "",
        "What the networks of this project have learned, as their own commands draw it: each picture stands under its",
        "command. `python training/make_gallery.py` makes the pictures and this page; they need",
        "`pip install -e '.[train,images,visualize]'`.",
    ]
    for picture in PICTURES:
        file = folder / f"{picture.name}.png"
        if not file.exists():
            continue
        lines += ["", f"## {picture.name}", ""]
        if picture.needs:
            lines += [f"    {PREPARATIONS[picture.needs]}"]
        shown = f"docs/gallery/{file.name}"
        lines += [f"    {picture.command.format(out=shown)}", "", picture.caption, ""]
        lines += [f"![{picture.name}]({file.name})"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
