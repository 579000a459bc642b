"""Asking for memory some time before it is read, so that many misses of the cache are waited for at once."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def prefetch(typing, array, index):
    """Asks for the line of the cache that holds an element. Any index will do: nothing is read."""

    def codegen(context, builder, signature, values):
        kind = signature.args[0]
        data = (
            values[0]
            if isinstance(kind, types.CPointer)
            else context.make_array(kind)(context, builder, values[0]).data
        )
        where = builder.bitcast(builder.gep(data, [values[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        function = ir.FunctionType(ir.VoidType(), [where.type, number, number, number])
        ask = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0")
        to_read, keep, of_data = number(0), number(3), number(1)
        builder.call(ask, [where, to_read, keep, of_data])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen
