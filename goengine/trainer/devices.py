"""Which device a run uses, in which precision it computes there, and how much memory it takes."""

from pathlib import Path

import torch

from goengine.errors import RecipeError
from goengine.helpers import processors
from goengine.recipe import Recipe

__all__ = ["choose_device", "compiler_advice", "memory_advice", "memory_in_use", "thread_count", "wants_bfloat16"]


def choose_device(name: str) -> torch.device:
    """The device of a recipe; ``auto`` takes CUDA where there is one.

    Raises:
        RecipeError: if it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise RecipeError(f"device {name!r} is not available here; use --device cpu") from None
    return device


def wants_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to compute convolutions in bfloat16.

    ``auto`` says yes only where the hardware multiplies it: on an AVX2 processor it is 15 times slower than float32
    (measured).
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def thread_count(recipe: Recipe, neighbours: int = 1) -> int:
    """How many threads compute on a processor.

    Without a word from the recipe it is torch's own number; but with ``parts``, which are spread over threads of ours,
    the processors that this process may run on: OMP_NUM_THREADS, which torch heeds, says nothing of those.

    Args:
        recipe: its ``threads`` and ``parts``.
        neighbours: processes that share this machine.
    """
    if recipe.threads or recipe.parts == 1:
        return recipe.threads or torch.get_num_threads()
    return max(1, min(recipe.parts, processors() // neighbours))


def memory_in_use(device: torch.device) -> dict[str, float]:
    """Gibibytes: ``memory`` of this process's own (mapped files not counted), and at most on its GPU ``gpu_memory``.

    Where the system does not tell, there is no ``memory``.
    """
    found = {}
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        sizes = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
        if sizes:
            found["memory"] = sum(sizes) / 2**20
    except (OSError, ValueError, IndexError):
        pass
    if device.type == "cuda":
        found["gpu_memory"] = torch.cuda.max_memory_allocated(device) / 2**30
    return found


def memory_advice(error: BaseException) -> str | None:
    """One line that says what to lower, if this is the error of a machine that has run out of memory."""
    text = str(error).split("\n")[0]
    if isinstance(error, torch.OutOfMemoryError):
        where = "the GPU"
    elif isinstance(error, MemoryError) or "DefaultCPUAllocator" in text or "not enough memory" in text:
        where = "this machine"
    else:
        return None
    return (
        f"out of memory on {where}: raise --accumulate (2, 4: the same steps in smaller pieces) or lower --batch; "
        f"then --filters, --depth, and --validation-positions for the machine's own memory ({text[:120]})"
    )


def compiler_advice(error: BaseException) -> str | None:
    """One line, if this is the error of ``torch.compile``: no compiler here, or one that cannot do it."""
    if not any(kind.__module__.startswith(("torch._dynamo", "torch._inductor")) for kind in type(error).__mro__):
        return None
    reason = " ".join(str(error).split()).partition(" Set TORCH")[0][:160]
    return f"torch.compile fails here ({reason}): run the network as it is, with --compile false"
