"""A Go position as one int64 array, and the moves on it.

Points here are *padded*: ``(row + 1) * (size + 1) + col``, row 0 at the top, so that the four neighbours are at
-1, +1, -(size + 1) and +(size + 1), and one column serves as the border on both sides. The array holds a header and
then, one entry a padded point: colour, head of the chain, next stone of the chain (a ring), ply at which the stone was
played; and for chain heads: stones, liberties, and the set of liberties as bits, ``words`` words of 64.

Every write of ``place`` is noted in a journal, the front part of the workspace array, so that ``take_back`` undoes it:
the ladder reader plays on the position itself.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

EMPTY, BLACK, WHITE, BORDER = 0, 1, 2, 3

# the header
SIZE, STRIDE, POINTS, WORDS, PLY, KO, KO_COLOR, HASH, TAKEN_BY_BLACK, TAKEN_BY_WHITE, PASSES = range(11)
HEADER = 16

# the workspace: the journal (its length, then pairs of index and old value), and what the readers need
JOURNAL_END = 1 << 18
JOURNAL_ROOM = 1 << 15  # more than any one move can write
FRAMES = JOURNAL_END
CANDIDATES = FRAMES + 4096
EYES = CANDIDATES + 16384
WORKSPACE = EYES + 1024

SETUP_PLY = -1000


@intrinsic
def _popcount(typingctx, x):  # type: ignore[no-untyped-def]
    """The number of bits set in an int64."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.ctpop(args[0])

    return types.int64(types.int64), codegen


@intrinsic
def _lowest_bit(typingctx, x):  # type: ignore[no-untyped-def]
    """The index of the lowest bit set in an int64 that is not 0."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


# As kernels call them: Numba passes the context itself.
popcount: Any = _popcount
lowest_bit: Any = _lowest_bit


@njit(cache=True, nogil=True)
def state_length(size: int) -> int:
    """The number of int64 entries that a position of this size takes."""
    points = (size + 2) * (size + 1) + 1
    words = (points + 63) >> 6
    return HEADER + points * (6 + words)


@njit(cache=True, nogil=True)
def reset(s, size):  # type: ignore[no-untyped-def]
    """Make ``s`` the empty board."""
    stride = size + 1
    points = (size + 2) * stride + 1
    s[SIZE] = size
    s[STRIDE] = stride
    s[POINTS] = points
    s[WORDS] = (points + 63) >> 6
    for i in range(PLY, HEADER):
        s[i] = 0
    s[HEADER - 1] = BORDER  # the first point's upper left diagonal
    for p in range(points):
        s[HEADER + p] = BORDER
    for row in range(size):
        first = HEADER + (row + 1) * stride
        for col in range(size):
            s[first + col] = EMPTY


@njit(cache=True, nogil=True)
def padded(s, point):  # type: ignore[no-untyped-def]
    """The padded point of ``row * size + col``."""
    size = s[SIZE]
    return (point // size + 1) * (size + 1) + point % size


@njit(cache=True, nogil=True)
def unpadded(s, p):  # type: ignore[no-untyped-def]
    """The point ``row * size + col`` of a padded point."""
    stride = s[STRIDE]
    return (p // stride - 1) * s[SIZE] + p % stride


@njit(cache=True, nogil=True)
def stone_key(p, color):  # type: ignore[no-untyped-def]
    """The Zobrist key of a stone (splitmix64 of its point and colour, so no table is needed)."""
    z = np.uint64(p * 4 + color) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64(z ^ (z >> np.uint64(31)))


@njit(cache=True, nogil=True)
def _write(s, w, i, value):  # type: ignore[no-untyped-def]
    n = w[0]
    w[n + 1] = i
    w[n + 2] = s[i]
    w[0] = n + 2
    s[i] = value


@njit(cache=True, nogil=True)
def take_back(s, w, mark):  # type: ignore[no-untyped-def]
    """Undo the writes since the journal's length was ``mark``."""
    n = w[0]
    while n > mark:
        s[w[n - 1]] = w[n]
        n -= 2
    w[0] = n


@njit(cache=True, nogil=True)
def _merge(s, w, a, b):  # type: ignore[no-untyped-def]
    """Join the chains with heads ``a`` and ``b``; the larger one's head stays."""
    points, words = s[POINTS], s[WORDS]
    heads, nexts, stones = HEADER + points, HEADER + 2 * points, HEADER + 4 * points
    liberties, sets = HEADER + 5 * points, HEADER + 6 * points
    if s[stones + a] < s[stones + b]:
        a, b = b, a
    x = b
    while True:
        _write(s, w, heads + x, a)
        x = s[nexts + x]
        if x == b:
            break
    after_a = s[nexts + a]
    _write(s, w, nexts + a, s[nexts + b])
    _write(s, w, nexts + b, after_a)
    _write(s, w, stones + a, s[stones + a] + s[stones + b])
    count = 0
    for i in range(words):
        old = s[sets + a * words + i]
        both = old | s[sets + b * words + i]
        if both != old:
            _write(s, w, sets + a * words + i, both)
        count += popcount(both)
    _write(s, w, liberties + a, count)


@njit(cache=True, nogil=True)
def _capture(s, w, head, by):  # type: ignore[no-untyped-def]
    """Take the chain off the board; its points become liberties of the chains of ``by`` beside it."""
    points, words, stride = s[POINTS], s[WORDS], s[STRIDE]
    heads, nexts = HEADER + points, HEADER + 2 * points
    liberties, sets = HEADER + 5 * points, HEADER + 6 * points
    key = s[HASH]
    x = head
    while True:
        _write(s, w, HEADER + x, EMPTY)
        key ^= stone_key(x, 3 - by)
        bit = np.int64(1) << (x & 63)
        for d in (-stride, -1, 1, stride):
            if s[HEADER + x + d] == by:
                h = s[heads + x + d]
                i = sets + h * words + (x >> 6)
                if s[i] & bit == 0:
                    _write(s, w, i, s[i] | bit)
                    _write(s, w, liberties + h, s[liberties + h] + 1)
        x = s[nexts + x]
        if x == head:
            break
    _write(s, w, HASH, key)


@njit(cache=True, nogil=True)
def place(s, w, p, color):  # type: ignore[no-untyped-def]
    """Put a stone on the empty padded point ``p`` and take what it captures; returns the number of stones taken.

    The move must be legal (``is_legal``), or a setup stone. Sets the simple ko; not the ply, not the stone's age.
    """
    points, words, stride = s[POINTS], s[WORDS], s[STRIDE]
    heads, nexts, stones = HEADER + points, HEADER + 2 * points, HEADER + 4 * points
    liberties, sets = HEADER + 5 * points, HEADER + 6 * points
    opponent = 3 - color
    _write(s, w, HEADER + p, color)
    _write(s, w, HASH, s[HASH] ^ stone_key(p, color))
    _write(s, w, heads + p, p)
    _write(s, w, nexts + p, p)
    _write(s, w, stones + p, 1)
    row = sets + p * words
    for i in range(words):
        if s[row + i] != 0:
            _write(s, w, row + i, 0)
    count = 0
    bit = np.int64(1) << (p & 63)
    for d in (-stride, -1, 1, stride):
        q = p + d
        c = s[HEADER + q]
        if c == EMPTY:
            i = row + (q >> 6)
            _write(s, w, i, s[i] | (np.int64(1) << (q & 63)))
            count += 1
        elif c != BORDER:
            h = s[heads + q]
            i = sets + h * words + (p >> 6)
            if s[i] & bit != 0:
                _write(s, w, i, s[i] & ~bit)
                _write(s, w, liberties + h, s[liberties + h] - 1)
    _write(s, w, liberties + p, count)
    taken = 0
    last = 0
    for d in (-stride, -1, 1, stride):
        q = p + d
        c = s[HEADER + q]
        if c == color:
            if s[heads + q] != s[heads + p]:
                _merge(s, w, s[heads + q], s[heads + p])
        elif c == opponent:
            h = s[heads + q]
            if s[liberties + h] == 0:
                taken += s[stones + h]
                last = h
                _capture(s, w, h, color)
    h = s[heads + p]
    ko = 0
    if taken == 1 and s[stones + h] == 1 and s[liberties + h] == 1:
        ko = last
    if s[KO] != ko:
        _write(s, w, KO, ko)
    if ko != 0 and s[KO_COLOR] != opponent:
        _write(s, w, KO_COLOR, opponent)
    return taken


@njit(cache=True, nogil=True)
def play(s, w, p, color):  # type: ignore[no-untyped-def]
    """Play a legal move for good: ``place``, its ply, the prisoners; ``p`` 0 is a pass."""
    w[0] = 0
    s[PLY] += 1
    if p == 0:
        s[KO] = 0
        s[PASSES] += 1
        return
    taken = place(s, w, p, color)
    s[PASSES] = 0
    s[HEADER + 3 * s[POINTS] + p] = s[PLY]
    if color == BLACK:
        s[TAKEN_BY_BLACK] += taken
    else:
        s[TAKEN_BY_WHITE] += taken
    w[0] = 0


@njit(cache=True, nogil=True)
def is_legal(s, p, color):  # type: ignore[no-untyped-def]
    """Is this move legal under simple ko, with suicide illegal?"""
    if s[HEADER + p] != EMPTY:
        return False
    if p == s[KO] and color == s[KO_COLOR]:
        return False
    points, stride = s[POINTS], s[STRIDE]
    heads, liberties = HEADER + points, HEADER + 5 * points
    for d in (-stride, -1, 1, stride):
        c = s[HEADER + p + d]
        if c == EMPTY:
            return True
        if c == BORDER:
            continue
        n = s[liberties + s[heads + p + d]]
        if (c == color) == (n > 1):
            return True
    return False


@njit(cache=True, nogil=True)
def foresee(s, p, color):  # type: ignore[no-untyped-def]
    """What a move on the empty padded point ``p`` would do: (stones taken, liberties after, stones of the new chain).

    Liberties 0 means suicide. Simple ko is not looked at. The position is not changed.
    """
    points, words, stride = s[POINTS], s[WORDS], s[STRIDE]
    heads, stones = HEADER + points, HEADER + 4 * points
    liberties, sets = HEADER + 5 * points, HEADER + 6 * points
    opponent = 3 - color
    a = b = c = e = 0  # heads of own chains beside p
    x = y = z = v = 0  # heads of chains that the move takes
    empties = 0
    taken = 0
    for d in (-stride, -1, 1, stride):
        q = p + d
        k = s[HEADER + q]
        if k == EMPTY:
            empties += 1
        elif k == color:
            h = s[heads + q]
            if h != a and h != b and h != c:
                if a == 0:
                    a = h
                elif b == 0:
                    b = h
                elif c == 0:
                    c = h
                else:
                    e = h
        elif k == opponent:
            h = s[heads + q]
            if s[liberties + h] == 1 and h != x and h != y and h != z:
                taken += s[stones + h]
                if x == 0:
                    x = h
                elif y == 0:
                    y = h
                elif z == 0:
                    z = h
                else:
                    v = h
    if a == 0 and x == 0:
        return 0, empties, 1
    size = 1
    if a != 0:
        size += s[stones + a]
    if b != 0:
        size += s[stones + b]
    if c != 0:
        size += s[stones + c]
    if e != 0:
        size += s[stones + e]
    # liberties: those of the own chains, less p, and the empty points beside p
    row_a = sets + a * words
    count = 0
    if a != 0:
        if b == 0:
            count = s[liberties + a] - 1
        else:
            row_b, row_c, row_e = sets + b * words, sets + c * words, sets + e * words
            count = -1
            for i in range(words):
                bits = s[row_a + i] | s[row_b + i]
                if c != 0:
                    bits |= s[row_c + i]
                    if e != 0:
                        bits |= s[row_e + i]
                count += popcount(bits)
    if empties > 0:
        for d in (-stride, -1, 1, stride):
            q = p + d
            if s[HEADER + q] == EMPTY:
                bit = np.int64(1) << (q & 63)
                i = q >> 6
                known = np.int64(0)
                if a != 0:
                    known = s[row_a + i]
                    if b != 0:
                        known |= s[sets + b * words + i]
                        if c != 0:
                            known |= s[sets + c * words + i]
                            if e != 0:
                                known |= s[sets + e * words + i]
                if known & bit == 0:
                    count += 1
    if taken > 0:  # stones taken beside the new chain become liberties
        nexts = HEADER + 2 * points
        for h in (x, y, z, v):
            if h == 0:
                break
            t = h
            while True:
                for d in (-stride, -1, 1, stride):
                    q = t + d
                    if q == p:
                        count += 1
                        break
                    if s[HEADER + q] == color:
                        k = s[heads + q]
                        if k == a or k == b or k == c or k == e:  # noqa: SIM109 (plain comparisons compile best)
                            count += 1
                            break
                t = s[nexts + t]
                if t == h:
                    break
    return taken, count, size


@njit(cache=True, nogil=True)
def first_liberty(s, head):  # type: ignore[no-untyped-def]
    """The lowest liberty of a chain that has one."""
    words = s[WORDS]
    row = HEADER + 6 * s[POINTS] + head * words
    for i in range(words):
        if s[row + i] != 0:
            return i * 64 + lowest_bit(s[row + i])
    return 0


@njit(cache=True, nogil=True)
def last_liberty(s, head):  # type: ignore[no-untyped-def]
    """The second liberty of a chain that has exactly two."""
    words = s[WORDS]
    row = HEADER + 6 * s[POINTS] + head * words
    found = 0
    for i in range(words):
        bits = s[row + i]
        while bits != 0:
            found = i * 64 + lowest_bit(bits)
            bits &= bits - 1
    return found


@njit(cache=True, nogil=True)
def find_true_eyes(s, w, color):  # type: ignore[no-untyped-def]
    """Mark the true eyes of ``color`` in the workspace: 1 at ``EYES + p``.

    An empty point whose orthogonal neighbours are all own, with at most one bad diagonal (none on the edge); bad is
    an opponent's stone, or an empty point that is not itself a true eye. The largest set of points that agrees with
    itself: start with all candidates and strike out until nothing changes.
    """
    points, stride, size = s[POINTS], s[STRIDE], s[SIZE]
    for p in range(points):
        w[EYES + p] = 0
    found = 0
    for row in range(1, size + 1):
        for p in range(row * stride, row * stride + size):
            if s[HEADER + p] != EMPTY:
                continue
            eye = True
            for d in (-stride, -1, 1, stride):
                c = s[HEADER + p + d]
                if c != color and c != BORDER:
                    eye = False
                    break
            if eye:
                w[EYES + p] = 1
                found += 1
    changed = found > 0
    while changed:
        changed = False
        for row in range(1, size + 1):
            for p in range(row * stride, row * stride + size):
                if w[EYES + p] == 0:
                    continue
                bad = 0
                allowed = 1
                for d in (-stride - 1, -stride + 1, stride - 1, stride + 1):
                    c = s[HEADER + p + d]
                    if c == BORDER:
                        allowed = 0
                    elif c == 3 - color or (c == EMPTY and w[EYES + p + d] == 0):
                        bad += 1
                if bad > allowed:
                    w[EYES + p] = 0
                    changed = True
    return found
