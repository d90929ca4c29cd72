"""Eight or sixteen float32 at a time in Numba kernels: a value that LLVM keeps in one vector register.

``load(array, index)`` gives array[index : index + LANES], ``store(array, index, vector)`` writes; ``+``, ``-`` and
``*`` work element by element, also between a vector and a number. `tile_of_product` makes the inner loop of a product
of matrices. A multiplication that is only added to something becomes a fused multiply-add where the machine has it.
Indices are not checked, and arrays are one-dimensional and contiguous.

`LANES` is 16 where the processor has AVX-512, else 8; the environment variable GOENGINE_LANES sets it, and both run
everywhere.
"""

# Numba and llvmlite are typed in part, and differently from version to version.
# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"

import operator
import os
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from goengine._kernels.primitives import address, primitive

__all__ = ["LANES", "load", "load_if", "rectify", "store", "tile_of_product", "zeros"]


def _lanes() -> int:
    wish = os.environ.get("GOENGINE_LANES", "")
    if wish in ("8", "16"):
        return int(wish)
    return 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8


LANES = _lanes()
_LLVM = ir.VectorType(ir.FloatType(), LANES)
_FLAGS = ("contract",)


class _Vector(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


_vector = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Vector) -> None:
        super().__init__(manager, kind, _LLVM)


def _vector_address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.bitcast(address(context, builder, kind, array, index), _LLVM.as_pointer())


def _spread(builder: Any, value: Any) -> Any:
    first = builder.insert_element(ir.Constant(_LLVM, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(_LLVM, ir.Undefined), mask)


@primitive
def zeros(typing: Any) -> Any:
    """A vector of zeros."""
    return _vector(), lambda context, builder, sig, args: ir.Constant(_LLVM, [0.0] * LANES)


@primitive
def load(typing: Any, array: Any, index: Any) -> Any:
    """array[index : index + LANES]."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_vector_address(context, builder, sig.args[0], *args), align=4)

    return _vector(array, types.intp), generate


@primitive
def load_if(typing: Any, condition: Any, array: Any, index: Any) -> Any:
    """array[index : index + LANES] where the condition holds, else zeros and no access."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        before = builder.block
        with builder.if_then(builder.trunc(args[0], ir.IntType(1)) if args[0].type.width > 1 else args[0]):
            loaded = builder.load(_vector_address(context, builder, sig.args[1], *args[1:]), align=4)
            inside = builder.block
        result = builder.phi(_LLVM)
        result.add_incoming(ir.Constant(_LLVM, [0.0] * LANES), before)
        result.add_incoming(loaded, inside)
        return result

    return _vector(types.boolean, array, types.intp), generate


@primitive
def store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to array[index : index + LANES]."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _vector_address(context, builder, sig.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.none(array, types.intp, _vector), generate


@primitive
def rectify(typing: Any, vector: Any) -> Any:
    """The vector with zeros for what is below zero; nan stays nan."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        none = ir.Constant(_LLVM, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", none, args[0]), none, args[0])

    return _vector(_vector), generate


def tile_of_product(rows: int, vectors: int, add: bool = False) -> Any:
    """A primitive for `rows` rows by `vectors` vectors of a product of matrices, which stay in registers.

    ``tile(left, a, a_row, a_step, right, b, b_step, out, c, c_row, count)`` writes, for each row r and column k of the
    tile, to out[c + r * c_row + k] the sum over i < count of

        left[a + r * a_row + i * a_step] * right[b + i * b_step + k]

    or adds it to what is there. All three are float32 arrays.
    """

    def typed(
        typing: Any, left: Any, a: Any, a_row: Any, a_step: Any, right: Any, b: Any, b_step: Any, out: Any, c: Any,
        c_row: Any, count: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            left, a, a_row, a_step, right, b, b_step, out, c, c_row, count = args

            def times(number: int, step: Any) -> Any:
                return builder.mul(ir.Constant(step.type, number), step)

            def place(row: int, vector: int) -> Any:
                index = builder.add(builder.add(c, times(row, c_row)), ir.Constant(c.type, vector * LANES))
                return _vector_address(context, builder, sig.args[7], out, index)

            sums = [[cgutils.alloca_once(builder, _LLVM) for _ in range(vectors)] for _ in range(rows)]
            for row, line in enumerate(sums):
                for vector, total in enumerate(line):
                    before = builder.load(place(row, vector), align=4) if add else ir.Constant(_LLVM, [0.0] * LANES)
                    builder.store(before, total)
            firsts = [
                address(context, builder, sig.args[0], left, builder.add(a, times(r, a_row))) for r in range(rows)
            ]
            first = address(context, builder, sig.args[4], right, b)
            with cgutils.for_range(builder, count, intp=count.type) as loop:
                line_of_right = builder.gep(first, [builder.mul(loop.index, b_step)])
                factors = []
                for vector in range(vectors):
                    place_of_right = builder.gep(line_of_right, [ir.Constant(count.type, vector * LANES)])
                    factors.append(builder.load(builder.bitcast(place_of_right, _LLVM.as_pointer()), align=4))
                at = builder.mul(loop.index, a_step)
                for start, line in zip(firsts, sums, strict=True):
                    factor = _spread(builder, builder.load(builder.gep(start, [at]), align=4))
                    for vector, total in zip(factors, line, strict=True):
                        product = builder.fmul(factor, vector, flags=_FLAGS)
                        builder.store(builder.fadd(builder.load(total), product, flags=_FLAGS), total)
            for row, line in enumerate(sums):
                for vector, total in enumerate(line):
                    builder.store(builder.load(total), place(row, vector), align=4)
            return context.get_dummy_value()

        n = types.intp
        return types.none(left, n, n, n, right, n, n, out, n, n, n), generate

    return primitive(typed)


def _define(operation: Any, method: str) -> None:
    """An operator between two vectors, and between a number and a vector."""

    class Template(AbstractTemplate):
        def generic(self, args: Any, keywords: Any) -> Any:
            if len(args) == 2 and args[1] == _vector and (args[0] == _vector or isinstance(args[0], types.Float)):
                return signature(_vector, *args)
            return None

    infer_global(operation)(Template)

    @lower_builtin(operation, _Vector, _Vector)
    def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, method)(args[0], args[1], flags=_FLAGS)

    @lower_builtin(operation, types.Float, _Vector)
    def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = context.cast(builder, args[0], sig.args[0], types.float32)
        return getattr(builder, method)(_spread(builder, number), args[1], flags=_FLAGS)


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
