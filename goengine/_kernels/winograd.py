"""Convolutions with fewer multiplications: Winograd's F(4x4, 3x3) and F(2x2, 5x5), forward and both gradients.

A board is cut into tiles of ``step`` x ``step`` outputs (4 for 3x3 filters, 2 for 5x5), and each needs 6x6 inputs. For
the inputs d of a tile, a filter g and the tile's outputs o (Lavin and Gray 2015, section 4):

    o = A' [ (G g G') * (B' d B) ] A        G takes a filter's taps to 6x6, B' transforms inputs, A' outputs

The products * are independent for each of the 36 elements, so with channels they are 36 products of matrices (tiles x
channels) (channels x filters): 3.6 times fewer multiplications than the direct 3x3 on a 19x19 board, 2.5 times for 5x5.
The points are 0, 1, -1, 2, -2 and infinity for both, so that both share B.

Everything is float32 and channels last: a batch is (boards, height, width, channels), flattened. The unit of work is
one row of tiles of one board, numbered through the batch; a call does those from ``first`` up to ``last``, a few at a
time, so that what it reads again stays in the processor's second-level cache. Channels are multiples of `LANES`.
Importing this module compiles its two kernels (or finds them in the cache).
"""

from numba import njit

from goengine._kernels.vectors import LANES, load, load_if, store, tile_of_product, zeros

__all__ = ["BLOCK", "LANES", "add_weight_gradient", "convolve"]

BLOCK = 5  # rows of a matrix product that are computed together; tiles are padded to a multiple
_MOST = 4 if LANES == 16 else 2  # vectors of each of them: AVX-512 has twice as many registers
_WIDE, _PAIR = _MOST * LANES, 2 * LANES
_wide, _pair, _single = tile_of_product(BLOCK, _MOST), tile_of_product(BLOCK, 2), tile_of_product(BLOCK, 1)
_add_wide, _add_pair = tile_of_product(4, _MOST, add=True), tile_of_product(4, 2, add=True)
_add_single = tile_of_product(4, 1, add=True)


@njit(nogil=True, error_model="numpy")
def _transform_inputs(x, board, top, height, width, channels, step, columns, tiles, tile, stride, strip, room):  # type: ignore[no-untyped-def]
    """B' d B of one row of tiles.

    `x` from `board` on is a board, `top` the row of the first inputs (negative: padding). Tile t's element e goes to
    room[tiles + e * stride + (tile + t) * channels]; room[strip:] holds B' d, (6, columns * step + 6 - step, channels).
    """
    left = (6 - step) // 2
    line = (columns * step + 6 - step) * channels
    row = width * channels
    for i in range(6):
        for at in range(0, left * channels, LANES):
            store(room, strip + i * line + at, zeros())
        for at in range((left + width) * channels, line, LANES):
            store(room, strip + i * line + at, zeros())
    in0, in1, in2 = 0 <= top < height, 0 <= top + 1 < height, 0 <= top + 2 < height
    in3, in4, in5 = 0 <= top + 3 < height, 0 <= top + 4 < height, 0 <= top + 5 < height
    for at in range(0, row, LANES):
        source = board + top * row + at
        d0 = load_if(in0, x, source)
        d1 = load_if(in1, x, source + row)
        d2 = load_if(in2, x, source + 2 * row)
        d3 = load_if(in3, x, source + 3 * row)
        d4 = load_if(in4, x, source + 4 * row)
        d5 = load_if(in5, x, source + 5 * row)
        target = strip + left * channels + at
        p, q = d4 - 4.0 * d2, d3 - 4.0 * d1
        r, s = d4 - d2, 2.0 * (d3 - d1)
        store(room, target, 4.0 * d0 + (d4 - 5.0 * d2))
        store(room, target + line, p + q)
        store(room, target + 2 * line, p - q)
        store(room, target + 3 * line, r + s)
        store(room, target + 4 * line, r - s)
        store(room, target + 5 * line, 4.0 * d1 + (d5 - 5.0 * d3))
    for i in range(6):
        for t in range(columns):
            for c in range(0, channels, LANES):
                source = strip + i * line + t * step * channels + c
                d0 = load(room, source)
                d1 = load(room, source + channels)
                d2 = load(room, source + 2 * channels)
                d3 = load(room, source + 3 * channels)
                d4 = load(room, source + 4 * channels)
                d5 = load(room, source + 5 * channels)
                target = tiles + 6 * i * stride + (tile + t) * channels + c
                p, q = d4 - 4.0 * d2, d3 - 4.0 * d1
                r, s = d4 - d2, 2.0 * (d3 - d1)
                store(room, target, 4.0 * d0 + (d4 - 5.0 * d2))
                store(room, target + stride, p + q)
                store(room, target + 2 * stride, p - q)
                store(room, target + 3 * stride, r + s)
                store(room, target + 4 * stride, r - s)
                store(room, target + 5 * stride, 4.0 * d1 + (d5 - 5.0 * d3))


@njit(nogil=True, error_model="numpy")
def _transform_outputs(y, board, top, height, width, filters, step, columns, bias, tiles, tile, stride, strip, room):  # type: ignore[no-untyped-def]
    """A' m A of one row of tiles, plus the bias, into y; arguments as in `_transform_inputs`."""
    for t in range(columns):
        across = min(step, width - t * step)
        for k in range(0, filters, LANES):
            for j in range(6):
                source = tiles + j * stride + (tile + t) * filters + k
                m1, m2 = load(room, source + 6 * stride), load(room, source + 12 * stride)
                m3, m4 = load(room, source + 18 * stride), load(room, source + 24 * stride)
                m0, m5 = load(room, source), load(room, source + 30 * stride)
                p, q, r, s = m1 + m2, m1 - m2, m3 + m4, m3 - m4
                target = strip + j * LANES
                store(room, target, m0 + (p + r))
                if step == 4:
                    store(room, target + 6 * LANES, 2.0 * s + q)
                    store(room, target + 12 * LANES, 4.0 * r + p)
                    store(room, target + 18 * LANES, 8.0 * s + (q + m5))
                else:
                    store(room, target + 6 * LANES, 2.0 * s + (q + m5))
            offset = load(bias, k)
            for i in range(min(step, height - top)):
                source = strip + 6 * i * LANES
                m0, m1, m2 = load(room, source), load(room, source + LANES), load(room, source + 2 * LANES)
                m3, m4 = load(room, source + 3 * LANES), load(room, source + 4 * LANES)
                m5 = load(room, source + 5 * LANES)
                p, q, r, s = m1 + m2, m1 - m2, m3 + m4, m3 - m4
                target = board + ((top + i) * width + t * step) * filters + k
                store(y, target, (m0 + offset) + (p + r))
                if step == 4:
                    if across > 1:
                        store(y, target + filters, 2.0 * s + (q + offset))
                    if across > 2:
                        store(y, target + 2 * filters, 4.0 * r + (p + offset))
                    if across > 3:
                        store(y, target + 3 * filters, 8.0 * s + (q + (m5 + offset)))
                elif across > 1:
                    store(y, target + filters, 2.0 * s + (q + (m5 + offset)))


@njit(nogil=True, error_model="numpy")
def _transform_gradients(y, board, top, height, width, filters, step, columns, tiles, tile, stride, strip, room):  # type: ignore[no-untyped-def]
    """A o A' of one row of tiles of output gradients y; arguments as in `_transform_inputs`."""
    row = width * filters
    for t in range(columns):
        for k in range(0, filters, LANES):
            for j in range(step):
                inside = t * step + j < width
                source = board + top * row + (t * step + j) * filters + k
                d0 = load_if(inside, y, source)
                d1 = load_if(inside and top + 1 < height, y, source + row)
                target = strip + j * LANES
                store(room, target, d0)
                if step == 4:
                    d2 = load_if(inside and top + 2 < height, y, source + 2 * row)
                    d3 = load_if(inside and top + 3 < height, y, source + 3 * row)
                    p, q, r, s = d0 + d2, d1 + d3, 4.0 * d2 + d0, 8.0 * d3 + 2.0 * d1
                    store(room, target + 20 * LANES, d3)
                else:
                    p, q, r, s = d0, d1, d0, 2.0 * d1
                    store(room, target + 20 * LANES, d1)
                store(room, target + 4 * LANES, p + q)
                store(room, target + 8 * LANES, p - q)
                store(room, target + 12 * LANES, r + s)
                store(room, target + 16 * LANES, r - s)
            for i in range(6):
                source = strip + 4 * i * LANES
                d0, d1 = load(room, source), load(room, source + LANES)
                target = tiles + 6 * i * stride + (tile + t) * filters + k
                store(room, target, d0)
                if step == 4:
                    d2, d3 = load(room, source + 2 * LANES), load(room, source + 3 * LANES)
                    p, q, r, s = d0 + d2, d1 + d3, 4.0 * d2 + d0, 8.0 * d3 + 2.0 * d1
                    store(room, target + 5 * stride, d3)
                else:
                    p, q, r, s = d0, d1, d0, 2.0 * d1
                    store(room, target + 5 * stride, d1)
                store(room, target + stride, p + q)
                store(room, target + 2 * stride, p - q)
                store(room, target + 3 * stride, r + s)
                store(room, target + 4 * stride, r - s)


@njit(nogil=True, error_model="numpy")
def _multiply(room, left, right, matrix, out, rows, channels, filters):  # type: ignore[no-untyped-def]
    """room[out:] (rows, filters) = room[left:] (rows, channels) times right[matrix:] (channels, filters)."""
    whole = filters - filters % _WIDE
    for k in range(0, whole, _WIDE):
        for row in range(0, rows, BLOCK):
            at, to = left + row * channels, out + row * filters + k
            _wide(room, at, channels, 1, right, matrix + k, filters, room, to, filters, channels)
    for k in range(whole, filters - LANES, _PAIR):
        for row in range(0, rows, BLOCK):
            at, to = left + row * channels, out + row * filters + k
            _pair(room, at, channels, 1, right, matrix + k, filters, room, to, filters, channels)
    if filters % _PAIR:
        k = filters - LANES
        for row in range(0, rows, BLOCK):
            at, to = left + row * channels, out + row * filters + k
            _single(room, at, channels, 1, right, matrix + k, filters, room, to, filters, channels)


@njit(nogil=True, error_model="numpy")
def _add_product(room, left, right, sums, out, rows, channels, filters):  # type: ignore[no-untyped-def]
    """sums[out:] (channels, filters) += transposed room[left:] (rows, channels) times room[right:] (rows, filters)."""
    whole = filters - filters % _WIDE
    for k in range(0, whole, _WIDE):
        for c in range(0, channels, 4):
            to = out + c * filters + k
            _add_wide(room, left + c, 1, channels, room, right + k, filters, sums, to, filters, rows)
    for k in range(whole, filters - LANES, _PAIR):
        for c in range(0, channels, 4):
            to = out + c * filters + k
            _add_pair(room, left + c, 1, channels, room, right + k, filters, sums, to, filters, rows)
    if filters % _PAIR:
        k = filters - LANES
        for c in range(0, channels, 4):
            to = out + c * filters + k
            _add_single(room, left + c, 1, channels, room, right + k, filters, sums, to, filters, rows)


_FLOATS, _INT = "float32[::1]", "intp"


@njit(f"void({', '.join([_FLOATS] * 5 + [_INT] * 8)})", cache=True, nogil=True, error_model="numpy")
def convolve(x, weights, bias, y, room, height, width, channels, filters, step, group, first, last):  # type: ignore[no-untyped-def]
    """Rows `first` to `last` of tiles of a convolution.

    Args:
        x: float32, (boards, height, width, channels) flattened, as all arrays here.
        weights: float32 (6, 6, channels, filters), transformed: G g G'.
        bias: float32 (filters).
        y: float32 (boards, height, width, filters), where the results go.
        room: float32 scratch space, never less than `room_needed`.
        height: of a board, in points; and so on.
        width: of a board.
        channels: of x.
        filters: channels of y.
        step: outputs of a tile in each direction: 4 for 3x3, 2 for 5x5.
        group: rows of tiles taken together.
        first: row of tiles, counted through the batch.
        last: row of tiles to stop before.
    """
    columns, down = (width + step - 1) // step, (height + step - 1) // step
    rows = (group * columns + BLOCK - 1) // BLOCK * BLOCK
    products = 36 * rows * channels
    strip = products + 36 * rows * filters
    for start in range(first, last, group):
        count = min(group, last - start)
        used = (count * columns + BLOCK - 1) // BLOCK * BLOCK
        for i in range(count):
            board, row = (start + i) // down, (start + i) % down
            board *= height * width * channels
            top = row * step - (6 - step) // 2
            _transform_inputs(
                x, board, top, height, width, channels, step, columns, 0, i * columns, rows * channels, strip, room
            )
        for e in range(36):
            _multiply(
                room, e * rows * channels, weights, e * channels * filters, products + e * rows * filters,
                used, channels, filters,
            )  # fmt: skip
        for i in range(count):
            board, row = (start + i) // down, (start + i) % down
            board *= height * width * filters
            _transform_outputs(
                y, board, row * step, height, width, filters, step, columns, bias, products, i * columns,
                rows * filters, strip, room,
            )  # fmt: skip


@njit(f"void({', '.join([_FLOATS] * 4 + [_INT] * 8)})", cache=True, nogil=True, error_model="numpy")
def add_weight_gradient(x, y, sums, room, height, width, channels, filters, step, group, first, last):  # type: ignore[no-untyped-def]
    """Add to `sums`, float32 (6, 6, channels, filters), what rows of tiles tell of the weights' gradient.

    The gradient of a filter's taps is G' sums G. `x` holds the inputs, `y` the gradient of the outputs; the rest as in
    `convolve`.
    """
    columns, down = (width + step - 1) // step, (height + step - 1) // step
    rows = (group * columns + BLOCK - 1) // BLOCK * BLOCK
    gradients = 36 * rows * channels
    strip = gradients + 36 * rows * filters
    for start in range(first, last, group):
        count = min(group, last - start)
        for i in range(count):
            board, row = (start + i) // down, (start + i) % down
            board *= height * width
            top = row * step - (6 - step) // 2
            _transform_inputs(
                x, board * channels, top, height, width, channels, step, columns, 0, i * columns, rows * channels,
                strip, room,
            )  # fmt: skip
            _transform_gradients(
                y, board * filters, row * step, height, width, filters, step, columns, gradients, i * columns,
                rows * filters, strip, room,
            )  # fmt: skip
        for e in range(36):
            _add_product(
                room, e * rows * channels, gradients + e * rows * filters, sums, e * channels * filters,
                count * columns, channels, filters,
            )  # fmt: skip
