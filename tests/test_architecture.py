"""The imports between modules are the ones that the design allows: always from a lower level, never a cycle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "goengine"

# module (a package counts as one): all that it may import of goengine; errors, files, movecodes and _version anyone may
ANYONE = {"errors", "files", "movecodes", "_version"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "files": set(),
    "exits": set(),
    "movecodes": set(),
    "_version": set(),
    "_kernels": set(),
    "bundled": set(),
    "coords": set(),
    "helpers": set(),
    "winograd": {"_kernels", "helpers"},
    "layers": {"winograd"},
    "metrics": set(),
    "intervals": set(),
    "shards": set(),
    "settings": set(),
    "recipe": {"settings"},
    "runlog": {"folders"},
    "symmetry": {"coords"},
    "board": {"_kernels", "coords"},
    "handicap": {"coords"},
    "optimizers": set(),
    "networks": {"layers"},
    "inference": {"_kernels", "helpers", "networks", "winograd"},
    "summary": {"networks"},
    "rules": {"board", "coords"},
    "rulesets": {"rules"},
    "style": set(),
    "groups": set(),
    "estimate": {"_kernels", "groups", "helpers", "rules"},
    "scoring": {"estimate", "rules", "rulesets"},
    "features": {"_kernels", "rules"},
    "sgf": {"board", "coords", "handicap", "rules"},
    "repertoire": {"symmetry"},
    "checkpoint": {"bundled", "features", "inference", "layers", "networks", "repertoire", "symmetry", "winograd"},
    "prepare": {"folders", "sgf", "shards"},
    "corpus": {"features", "sgf", "shards"},
    "finetune": {"checkpoint", "corpus", "evaluation", "recipe", "repertoire"},
    "material": {"corpus", "finetune", "recipe"},
    "dataset": {"corpus", "symmetry"},
    "parcel": {"checkpoint", "corpus", "dataset", "recipe", "shards", "trainer"},
    "endgame": {"estimate", "groups", "rules"},
    "player": {"endgame", "estimate", "rules", "style", "symmetry"},
    "evaluation": {"checkpoint", "coords", "corpus", "intervals", "metrics", "sgf", "shards"},
    "visualize": {"checkpoint", "corpus", "coords", "features", "handicap", "rules", "symmetry"},
    "trainer": {
        *("checkpoint", "corpus", "dataset", "features", "helpers", "inference", "layers"),
        *("metrics", "networks", "optimizers", "recipe", "symmetry"),
    },
    "batch": {"_kernels", "board", "coords", "features", "rules"},
    "sampling": set(),
    "images": {"checkpoint", "intervals", "layers", "optimizers", "settings", "trainer"},
    "recognition": {"board", "coords", "handicap", "images", "layers", "sgf"},
    "folders": set(),
    "env": {"batch", "checkpoint", "coords", "features", "gtp", "handicap", "resize", "rules", "sampling", "style"},
    "selfplay": {"batch", "folders", "intervals", "match", "player", "rules", "sampling", "sgf", "shards", "style"},
    "resize": {"checkpoint", "layers"},
    "reshape": {"layers", "networks"},
    "reinforce": {"checkpoint", "layers", "optimizers", "rules", "selfplay", "settings"},
    "gtp": {
        *("bundled", "coords", "estimate", "handicap", "helpers", "player"),
        *("rules", "rulesets", "scoring", "sgf", "style"),
    },
    "match": {
        *("bundled", "checkpoint", "coords", "estimate", "folders", "gtp", "intervals", "resize", "rules", "sgf"),
        *("rulesets", "scoring", "symmetry"),
    },
}
NO_TORCH = {
    "helpers",
    "handicap",
    "board",
    "rules",
    "sgf",
    "features",
    "shards",
    "corpus",
    "estimate",
    "groups",
    "rulesets",
    "scoring",
    "endgame",
    "batch",
    "repertoire",
    "sampling",
    "selfplay",
    "env",
    "symmetry",
    "coords",
    "prepare",
    "_kernels",
}


def _modules() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in PACKAGE.rglob("*.py"):
        first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.setdefault(first, []).append(path)
    return found


def _imports(path: Path) -> set[str]:
    """Every dotted name that a file imports, at its head or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            assert node.module is not None
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _own(path: Path) -> set[str]:
    own = {name.split(".")[1] for name in _imports(path) if name.startswith("goengine.")}
    return {name for name in own if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}


def test_every_import_follows_the_arrows() -> None:
    wrong = []
    for module, paths in _modules().items():
        if module in {"__init__", "__main__", "cli"}:
            continue
        assert module in ALLOWED, f"goengine.{module} is not in the design: say what it may import"
        for path in paths:
            extra = _own(path) - ALLOWED[module] - ANYONE - {module}
            if extra:
                wrong.append(f"{path.relative_to(ROOT)} imports {', '.join(sorted(extra))}")
    assert not wrong, "\n".join(wrong)
    unknown = set(ALLOWED) - set(_modules())
    assert not unknown, f"the design names modules that are not there: {sorted(unknown)}"


def test_the_arrows_make_no_cycle() -> None:
    TopologicalSorter(ALLOWED).prepare()  # raises CycleError, which names one


def _module(name: str) -> str | None:
    """The module of goengine that a dotted name is, or lies in; None for others and for a package's own head."""
    parts = name.split(".")
    for length in (len(parts), len(parts) - 1):
        if length and (ROOT / Path(*parts[:length])).with_suffix(".py").is_file():
            return ".".join(parts[:length])
    return None


def test_files_make_no_cycle() -> None:
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    below = {name: {_module(used) for used in _imports(path)} for name, path in files.items()}
    TopologicalSorter(below).prepare()  # raises CycleError, which names one


def test_game_modules_never_import_torch() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for module, paths in _modules().items()
        if module in NO_TORCH
        for path in paths
        if any(name.split(".")[0] == "torch" for name in _imports(path))
    ]
    assert not wrong


def test_each_library_has_its_place() -> None:
    places = {
        "sgfmill": {"sgf"},
        "numba": {"_kernels"},
        "matplotlib": {"images", "evaluation", "visualize"},
        "captum": {"visualize"},
    }
    wrong = [
        f"{path.relative_to(ROOT)} imports {library}"
        for module, paths in _modules().items()
        for path in paths
        for library, allowed in places.items()
        if module not in allowed and any(name.split(".")[0] == library for name in _imports(path))
    ]
    assert not wrong


def test_scripts_import_goengine_and_never_each_other() -> None:
    folders = {"data", "training", "gtp"}
    scripts = [path for folder in folders for path in (ROOT / folder).glob("*.py")]
    names = {path.stem for path in scripts} | folders
    assert scripts
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in scripts
        for name in _imports(path)
        if name.split(".")[0] in names
    ]
    assert not wrong
    assert not [path for folder in folders for path in (ROOT / folder).glob("__init__.py")]
