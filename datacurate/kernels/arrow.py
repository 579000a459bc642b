"""Any Arrow text column as the two arrays that kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def bytes_and_offsets(array: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """`(data: uint8[], offsets: int64[])` of a text array: document `i` is `data[offsets[i]:offsets[i + 1]]`.

    Nulls are empty strings. `data` is the array's own buffer wherever the layout allows it, so the first
    offset need not be 0. Both arrays are read-only, which keeps numba at one compiled version per kernel.
    """
    import pyarrow as pa

    array = _one_plain_array(array)
    if pa.types.is_null(array.type):
        return read_only(np.empty(0, np.uint8)), read_only(np.zeros(len(array) + 1, np.int64))
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    starts = _view(offsets, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    if not len(starts):
        starts = np.zeros(1, np.int64)
    starts = starts.astype(np.int64, copy=False)
    if array.null_count and _nulls_hold_bytes(array, starts):
        return bytes_and_offsets(array.fill_null(""))
    return read_only(_view(data, np.uint8)), read_only(starts)


def _one_plain_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The array as one chunk of a type with an offsets buffer, or of the null type."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
        kind = array.type
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    if not any(is_plain(kind) for is_plain in (*plain, pa.types.is_null)):
        if kind not in (pa.string_view(), pa.binary_view()):
            raise TypeError(f"text must be an Arrow string or binary array, not {kind}")
        array = array.cast(pa.large_string() if kind == pa.string_view() else pa.large_binary())
    if not isinstance(array, pa.ChunkedArray):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        # 32-bit offsets overflow when chunks of more than 2 GB in all are joined
        array = array.cast(pa.large_string() if pa.types.is_string(array.type) else pa.large_binary())
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)


def _nulls_hold_bytes(array: pa.Array, starts: np.ndarray) -> bool:
    """Whether a null slot spans bytes, which Arrow allows."""
    null = array.is_null().to_numpy(zero_copy_only=False)
    return bool(np.any(np.diff(starts)[null]))


def _view(buffer: pa.Buffer | None, dtype: type) -> np.ndarray:
    if buffer is None or not buffer.size:
        return np.empty(0, dtype)
    return np.frombuffer(buffer, dtype, buffer.size // np.dtype(dtype).itemsize)


def read_only(array: np.ndarray) -> np.ndarray:
    """A contiguous read-only view."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
