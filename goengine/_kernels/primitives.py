"""How a kernel gets instructions of its own; those for threads that share work, and a few more."""

# Numba and llvmlite are typed in part, and differently from version to version.
# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"

import os
import platform
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["address", "count_up", "counted", "give_way", "lowest_bit", "number_at", "pause", "primitive"]

_X86 = platform.machine().lower() in ("x86_64", "amd64")
_POSIX = os.name == "posix"


def primitive(function: Callable[..., Any]) -> Any:
    """`intrinsic`, without its types: a checker cannot follow what Numba makes of a kernel."""
    return intrinsic(function)


def address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Where array[index] is, for the inside of a primitive."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _call(builder: Any, result: Any, name: str) -> None:
    builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, []), name), [])


@primitive
def count_up(typing: Any, array: Any, index: Any) -> Any:
    """Add one to array[index], int64, whatever other threads do to it meanwhile; what it was before."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        one = ir.Constant(ir.IntType(64), 1)
        return builder.atomic_rmw("add", address(context, builder, sig.args[0], *args), one, "seq_cst")

    return types.int64(array, types.intp), generate


@primitive
def counted(typing: Any, array: Any, index: Any) -> Any:
    """array[index], int64, as it is now; what other threads wrote before they counted up is there to be read."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(address(context, builder, sig.args[0], *args), "acquire", 8)

    return types.int64(array, types.intp), generate


@primitive
def pause(typing: Any) -> Any:
    """Wait for some ten nanoseconds, in the way that leaves a shared core to the other thread."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _X86:
            _call(builder, ir.VoidType(), "llvm.x86.sse2.pause")
        return context.get_dummy_value()

    return types.none(), generate


@primitive
def give_way(typing: Any) -> Any:
    """Let another thread have the core, if one waits for it."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _POSIX:
            _call(builder, ir.IntType(32), "sched_yield")
        return context.get_dummy_value()

    return types.none(), generate


@primitive
def lowest_bit(typing: Any, word: Any) -> Any:
    """The number of the lowest bit that is set in an int64 that is not zero."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@primitive
def number_at(typing: Any, place: Any) -> Any:
    """The int32 at an address of memory, int64."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], ir.IntType(32).as_pointer()))

    return types.int32(types.int64), generate
