"""A whole policy network in one call: planes as words in, logits out, in evaluation, float32, without torch.

The network is a 5x5 convolution of planes, 3x3 convolutions and a head, each convolution followed by

    value = convolution + offset (+ the total so far; + kept as the total)         the sum of a residual network
    output = rectified (scale * value + shift)                                      the norm and ReLU before the next

The 3x3 ones are Winograd's F(4x4, 3x3) (see `winograd`). Channels come in strips of W, two vectors. What becomes of a
strip after its 36 products of matrices (tiles x channels) (channels x W) concerns no other strip until the next
products: output transform, sum, norm, ReLU, and the input transform of the next layer, all while it is in the
processor's cache. So threads meet once a layer. They take strips as they come to them: one that begins late or is kept
from its core leaves its work to the others, and the results are the same for any number of them.

The 5x5 sums the weights of the planes that are 1, about five a point of 48, which is exact and faster than a product.

All arrays are flat. With B boards of S x S points, C channels (a multiple of W), P planes, L layers of 3x3, T tiles a
side and R rows of tiles (B * T * T, rounded up to a multiple of 5):

    progress  int64 ((L + 3) * 16), zeros: for each step a counter of units taken and, 8 on, of those done
    words     int64 (B, S * S): bit p is plane p
    codes     int32 (B, S * S, P), starts int32 (B, S * S + 1): room for the lists of planes
    stem      float32 (C / W, 5, 5, P, W): taps by row, column, plane, filter
    weights   float32 (L, C / W, 36, C, W): G g G' of the taps
    offsets   float32 (L + 1, C);  norms float32 (L + 1, C / W, 2, W): scale and shift
    flags     int64 (L + 1): ADD and KEEP, or not
    head      float32 (C)
    even, odd float32 (36, R, C): room for the transformed inputs of the steps
    total     float32 (C / W, B, S * S, W): room for the residual sum
    features  float32 (B, S * S, C): the last outputs
    logits    float32 (B, S * S): the head's outputs, without its bias
    room      float32: scratch of one thread, `room_needed` elements
    sizes     int64: B, S, P, C, L, and the strips of a unit of work
"""

from numba import njit

from goengine._kernels.primitives import count_up, counted, give_way, lowest_bit, number_at, pause
from goengine._kernels.vectors import LANES, load, load_if, rectify, store, tile_of_product, zeros

__all__ = ["ADD", "BLOCK", "KEEP", "WIDE", "collect", "evaluate", "room_needed"]

BLOCK = 5  # rows of a matrix product that are computed together
WIDE = 2 * LANES  # channels of a strip, W above
_tile = tile_of_product(BLOCK, 2)
ADD, KEEP = 1, 2
_PATIENCE = 1000  # pauses before a thread that waits gives way: some 20 microseconds


def room_needed(boards: int, size: int, group: int) -> int:
    """How many float32 of scratch a thread needs, for units of `group` strips."""
    tiles = (size + 3) // 4
    rows = -(-boards * tiles * tiles // BLOCK) * BLOCK
    side = 4 * tiles + 2
    return WIDE * (side * side + 6 * side + 36 * group * rows)


@njit(nogil=True, error_model="numpy")
def _list_planes(words, board, size, planes, codes, starts):  # type: ignore[no-untyped-def]
    """The planes that are 1, point by point: codes[starts[point] : starts[point + 1]] of the board.

    A code is ``(column * planes + plane) * WIDE``: a step in the stem's weights.
    """
    points = size * size
    number = board * points * planes
    for point in range(points):
        starts[board * (points + 1) + point] = number
        word = words[board * points + point] & ((1 << planes) - 1)
        while word:
            codes[number] = (point % size * planes + lowest_bit(word)) * WIDE
            number += 1
            word &= word - 1
    starts[board * (points + 1) + points] = number


@njit(nogil=True, error_model="numpy")
def _stem(codes, starts, board, size, planes, weights, strip, offsets, norms, norm, flags, total, place, room, side):  # type: ignore[no-untyped-def]
    """The 5x5 convolution of one board for one strip; outputs as those of `_outputs`, all the strip's channels."""
    first = board * (size * size + 1)
    wide = strip * 25 * planes * WIDE
    o0, o1 = load(offsets, strip * WIDE), load(offsets, strip * WIDE + LANES)
    s0, s1 = load(norms, norm), load(norms, norm + LANES)
    h0, h1 = load(norms, norm + WIDE), load(norms, norm + WIDE + LANES)
    for row in range(size):
        for col in range(size):
            a, b, c, d = o0, o1, zeros(), zeros()
            left, right = max(0, col - 2), min(size, col + 3)
            for y in range(max(0, row - 2), min(size, row + 3)):
                base = wide + ((y - row + 2) * 5 + 2 - col) * planes * WIDE
                k = starts[first + y * size + left]
                end = starts[first + y * size + right]
                while k + 1 < end:
                    at = base + codes[k]
                    a, b = a + load(weights, at), b + load(weights, at + LANES)
                    at = base + codes[k + 1]
                    c, d = c + load(weights, at), d + load(weights, at + LANES)
                    k += 2
                if k < end:
                    at = base + codes[k]
                    a, b = a + load(weights, at), b + load(weights, at + LANES)
            a, b = a + c, b + d
            if flags & KEEP:
                at = place + (row * size + col) * WIDE
                store(total, at, a)
                store(total, at + LANES, b)
            at = ((row + 1) * side + col + 1) * WIDE
            store(room, at, rectify(a * s0 + h0))
            store(room, at + LANES, rectify(b * s1 + h1))


@njit(nogil=True, error_model="numpy")
def _multiply(x, left, weights, matrix, room, out, rows, channels):  # type: ignore[no-untyped-def]
    """room[out:] (rows, WIDE) = x[left:] (rows, channels) times weights[matrix:] (channels, WIDE)."""
    for row in range(0, rows, BLOCK):
        _tile(x, left + row * channels, channels, 1, weights, matrix, WIDE, room, out + row * WIDE, WIDE, channels)


@njit(nogil=True, error_model="numpy")
def _outputs(room, products, stride, tiles, size, side, offsets, offset, norms, norm, flags, total, place, strip):  # type: ignore[no-untyped-def]
    """A' m A of one board, and all that follows up to the ReLU, for one vector of channels.

    Element e of tile t is at room[products + e * stride + t * WIDE]. The outputs go to the beginning of `room`: (side,
    side, WIDE), the board inside a frame of zeros, one wide at the top and left. room[strip:] is for use in between.
    """
    o, s, h = load(offsets, offset), load(norms, norm), load(norms, norm + WIDE)
    lane = offset % WIDE
    for t in range(tiles * tiles):
        top, start = t // tiles * 4, t % tiles * 4
        for j in range(6):
            source = products + j * stride + t * WIDE
            m1, m2 = load(room, source + 6 * stride), load(room, source + 12 * stride)
            m3, m4 = load(room, source + 18 * stride), load(room, source + 24 * stride)
            m0, m5 = load(room, source), load(room, source + 30 * stride)
            p, q, r, w = m1 + m2, m1 - m2, m3 + m4, m3 - m4
            target = strip + j * LANES
            store(room, target, m0 + (p + r))
            store(room, target + 6 * LANES, 2.0 * w + q)
            store(room, target + 12 * LANES, 4.0 * r + p)
            store(room, target + 18 * LANES, 8.0 * w + (q + m5))
        across = min(4, size - start)
        for i in range(min(4, size - top)):
            source = strip + 6 * i * LANES
            m0, m1, m2 = load(room, source), load(room, source + LANES), load(room, source + 2 * LANES)
            m3, m4 = load(room, source + 3 * LANES), load(room, source + 4 * LANES)
            m5 = load(room, source + 5 * LANES)
            p, q, r, w = m1 + m2, m1 - m2, m3 + m4, m3 - m4
            y0, y1, y2, y3 = o + (m0 + (p + r)), o + (2.0 * w + q), o + (4.0 * r + p), o + (8.0 * w + (q + m5))
            at = place + ((top + i) * size + start) * WIDE + lane
            if flags & ADD:
                y0 = y0 + load(total, at)
                y1 = y1 + load_if(across > 1, total, at + WIDE)
                y2 = y2 + load_if(across > 2, total, at + 2 * WIDE)
                y3 = y3 + load_if(across > 3, total, at + 3 * WIDE)
            if flags & KEEP:
                store(total, at, y0)
                if across > 1:
                    store(total, at + WIDE, y1)
                if across > 2:
                    store(total, at + 2 * WIDE, y2)
                if across > 3:
                    store(total, at + 3 * WIDE, y3)
            at = ((top + i + 1) * side + start + 1) * WIDE + lane
            store(room, at, rectify(y0 * s + h))
            if across > 1:
                store(room, at + WIDE, rectify(y1 * s + h))
            if across > 2:
                store(room, at + 2 * WIDE, rectify(y2 * s + h))
            if across > 3:
                store(room, at + 3 * WIDE, rectify(y3 * s + h))


@njit(nogil=True, error_model="numpy")
def _inputs(room, tiles, side, strip, x, first, stride, channels):  # type: ignore[no-untyped-def]
    """B' d B of one framed board at the beginning of `room`, for one strip.

    Tile t's element e goes to x[first + e * stride + t * channels]; room[strip:] is for use in between.
    """
    line = side * WIDE
    for down in range(tiles):
        for at in range(0, line, LANES):
            source = down * 4 * line + at
            d0, d1, d2 = load(room, source), load(room, source + line), load(room, source + 2 * line)
            d3, d4 = load(room, source + 3 * line), load(room, source + 4 * line)
            d5 = load(room, source + 5 * line)
            target = strip + at
            p, q = d4 - 4.0 * d2, d3 - 4.0 * d1
            r, s = d4 - d2, 2.0 * (d3 - d1)
            store(room, target, 4.0 * d0 + (d4 - 5.0 * d2))
            store(room, target + line, p + q)
            store(room, target + 2 * line, p - q)
            store(room, target + 3 * line, r + s)
            store(room, target + 4 * line, r - s)
            store(room, target + 5 * line, 4.0 * d1 + (d5 - 5.0 * d3))
        for i in range(6):
            for across in range(tiles):
                for lane in range(0, WIDE, LANES):
                    source = strip + i * line + across * 4 * WIDE + lane
                    d0, d1, d2 = load(room, source), load(room, source + WIDE), load(room, source + 2 * WIDE)
                    d3, d4 = load(room, source + 3 * WIDE), load(room, source + 4 * WIDE)
                    d5 = load(room, source + 5 * WIDE)
                    target = first + 6 * i * stride + (down * tiles + across) * channels + lane
                    p, q = d4 - 4.0 * d2, d3 - 4.0 * d1
                    r, s = d4 - d2, 2.0 * (d3 - d1)
                    store(x, target, 4.0 * d0 + (d4 - 5.0 * d2))
                    store(x, target + stride, p + q)
                    store(x, target + 2 * stride, p - q)
                    store(x, target + 3 * stride, r + s)
                    store(x, target + 4 * stride, r - s)
                    store(x, target + 5 * stride, 4.0 * d1 + (d5 - 5.0 * d3))


@njit(nogil=True, error_model="numpy")
def _features(room, size, side, features, first, channels):  # type: ignore[no-untyped-def]
    """One strip of the last outputs, from the framed board to their place."""
    for row in range(size):
        for col in range(size):
            source = ((row + 1) * side + col + 1) * WIDE
            target = first + (row * size + col) * channels
            store(features, target, load(room, source))
            store(features, target + LANES, load(room, source + LANES))


@njit(nogil=True, error_model="numpy")
def _logits(features, first, last, channels, head, room, logits):  # type: ignore[no-untyped-def]
    """The head at the points from `first` up to `last`, counted through the boards."""
    for point in range(first, last):
        sums = zeros()
        for c in range(0, channels, LANES):
            sums = sums + load(features, point * channels + c) * load(head, c)
        store(room, 0, sums)
        logit = room[0]
        for i in range(1, LANES):
            logit += room[i]
        logits[point] = logit


_FLOATS, _LONGS = "float32[::1]", "int64[::1]"


@njit(
    f"void({', '.join([_LONGS] * 2 + ['int32[::1]'] * 2 + [_FLOATS] * 4 + [_LONGS] + [_FLOATS] * 7 + [_LONGS])})",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def evaluate(  # type: ignore[no-untyped-def]
    progress, words, codes, starts, stem, weights, offsets, norms, flags, head, even, odd, total, features, logits,
    room, sizes,
):  # fmt: skip
    """Evaluate a network together with the other threads that call this with the same arrays, `room` excepted.

    Returns when all is done, whoever did it. One call alone does it all.
    """
    boards, size, planes, channels, layers, group = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    points, tiles, strips = size * size, (size + 3) // 4, channels // WIDE
    each, side = tiles * tiles, 4 * tiles + 2
    rows = (boards * each + BLOCK - 1) // BLOCK * BLOCK
    frame = side * side * WIDE
    products, stride = frame + 6 * side * WIDE, rows * WIDE
    for at in range(frame):
        room[at] = 0.0
    for step in range(layers + 3):  # lists of planes; the stem; the layers; the head
        by_board = step in (0, layers + 2)
        units = boards if by_board else (strips + group - 1) // group
        source, target = (even, odd) if step % 2 else (odd, even)
        while True:
            unit = count_up(progress, 16 * step)
            if unit >= units:
                break
            layer, first, last = step - 1, unit * group, min(strips, (unit + 1) * group)
            if step == 0:
                _list_planes(words, unit, size, planes, codes, starts)
            elif by_board:
                _logits(features, unit * points, (unit + 1) * points, channels, head, room, logits)
            elif layer:
                for e in range(36):
                    for strip in range(first, last):
                        matrix = ((((layer - 1) * strips + strip) * 36) + e) * channels * WIDE
                        out = products + ((strip - first) * 36 + e) * stride
                        _multiply(source, e * rows * channels, weights, matrix, room, out, rows, channels)
            for strip in range(0 if by_board else first, 0 if by_board else last):
                norm = 2 * (layer * channels + strip * WIDE)
                for board in range(boards):
                    place = (strip * boards + board) * points * WIDE
                    if layer == 0:
                        _stem(
                            codes, starts, board, size, planes, stem, strip, offsets, norms, norm, flags[0], total,
                            place, room, side,
                        )  # fmt: skip
                    else:
                        for lane in range(0, WIDE, LANES):
                            _outputs(
                                room, products + (strip - first) * 36 * stride + board * each * WIDE + lane, stride,
                                tiles, size, side, offsets, layer * channels + strip * WIDE + lane, norms, norm + lane,
                                flags[layer], total, place, frame,
                            )  # fmt: skip
                    if layer == layers:
                        _features(room, size, side, features, board * points * channels + strip * WIDE, channels)
                    else:
                        place = board * each * channels + strip * WIDE
                        _inputs(room, tiles, side, frame, target, place, rows * channels, channels)
            count_up(progress, 16 * step + 8)
        waited = 0
        while counted(progress, 16 * step + 8) < units:
            waited += 1
            if waited < _PATIENCE:
                pause()
            else:
                give_way()


@njit("void(int64[:,::1], int32[::1])", cache=True, nogil=True)
def collect(layout, out):  # type: ignore[no-untyped-def]
    """Write numbers of 32 bits one after another; a row of the layout is an address, bytes to the next, how many."""
    at = 0
    for i in range(len(layout)):
        place, step = layout[i, 0], layout[i, 1]
        for _ in range(layout[i, 2]):
            out[at] = number_at(place)
            place += step
            at += 1
