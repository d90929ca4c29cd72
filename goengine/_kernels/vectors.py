"""Eight float32 at a time in Numba kernels: a value that LLVM keeps in one vector register (two where they are short).

``load(array, index)`` gives array[index : index + 8] and ``splat(array, index)`` array[index] eight times;
``store(array, index, vector)`` writes; ``+``, ``-`` and ``*`` work element by element, also between a vector and a
number. A multiplication that is only added to something becomes a fused multiply-add where the machine has it.
Indices are not checked, and arrays are one-dimensional and contiguous.
"""

# Numba and llvmlite are typed in part, and differently from version to version.
# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = ["LANES", "load", "load_if", "rectify", "splat", "store", "zeros"]

LANES = 8
_LLVM = ir.VectorType(ir.FloatType(), LANES)
_FLAGS = ("contract",)


def _primitive(function: Callable[..., Any]) -> Any:
    """`intrinsic`, without its types: a checker cannot follow what Numba makes of a kernel."""
    return intrinsic(function)


class _Vector(types.Type):
    def __init__(self) -> None:
        super().__init__(name="float32x8")


_vector = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Vector) -> None:
        super().__init__(manager, kind, _LLVM)


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _vector_address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.bitcast(_address(context, builder, kind, array, index), _LLVM.as_pointer())


def _spread(builder: Any, value: Any) -> Any:
    first = builder.insert_element(ir.Constant(_LLVM, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(_LLVM, ir.Undefined), mask)


@_primitive
def zeros(typing: Any) -> Any:
    """Eight zeros."""
    return _vector(), lambda context, builder, sig, args: ir.Constant(_LLVM, [0.0] * LANES)


@_primitive
def load(typing: Any, array: Any, index: Any) -> Any:
    """array[index : index + 8]."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_vector_address(context, builder, sig.args[0], *args), align=4)

    return _vector(array, types.intp), generate


@_primitive
def load_if(typing: Any, condition: Any, array: Any, index: Any) -> Any:
    """array[index : index + 8] where the condition holds, else eight zeros and no access."""

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


@_primitive
def splat(typing: Any, array: Any, index: Any) -> Any:
    """array[index], eight times."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, builder.load(_address(context, builder, sig.args[0], *args), align=4))

    return _vector(array, types.intp), generate


@_primitive
def store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to array[index : index + 8]."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _vector_address(context, builder, sig.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.none(array, types.intp, _vector), generate


@_primitive
def rectify(typing: Any, vector: Any) -> Any:
    """The vector with zeros for what is below zero; nan stays nan."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        none = ir.Constant(_LLVM, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", none, args[0]), none, args[0])

    return _vector(_vector), generate


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
