"""The 48 planes of Silver et al. 2016 (Extended Data Table 2) as one 64-bit word a point: bit p is plane p."""

import numpy as np
from numba import njit

from goengine._kernels.ladder import captures, list_escapes
from goengine._kernels.state import (
    CANDIDATES,
    EMPTY,
    EYES,
    HEADER,
    KO,
    KO_COLOR,
    PLY,
    POINTS,
    SIZE,
    STRIDE,
    find_true_eyes,
    first_liberty,
    foresee,
    is_legal,
    last_liberty,
    place,
    take_back,
)

OWN, OPPONENT, VACANT, ONES, TURNS, LIBERTIES, CAPTURE, SELF_ATARI, LIBERTIES_AFTER = 0, 1, 2, 3, 4, 12, 20, 28, 36
LADDER_CAPTURE, LADDER_ESCAPE, SENSIBLE, ZEROS = 44, 45, 46, 47


@njit(cache=True, nogil=True)
def _mark(s, out, p, plane):  # type: ignore[no-untyped-def]
    stride = s[STRIDE]
    out[(p // stride - 1) * s[SIZE] + p % stride] |= np.uint64(1) << np.uint64(plane)


@njit(cache=True, nogil=True)
def _mark_ladder_escapes(s, w, out, head, color):  # type: ignore[no-untyped-def]
    """Plane 45 for one own chain in atari."""
    points = s[POINTS]
    heads, liberties = HEADER + points, HEADER + 5 * points
    end = list_escapes(s, w, head, CANDIDATES)
    tries = end - CANDIDATES
    for k in range(tries):  # reading on overwrites the list, so it is made anew for each
        list_escapes(s, w, head, CANDIDATES)
        p = w[CANDIDATES + k]
        if not is_legal(s, p, color):
            continue
        taken, after, _ = foresee(s, p, color)
        if taken == 0 and after < 2:
            continue
        if taken == 0 and after >= 3:
            _mark(s, out, p, LADDER_ESCAPE)
            continue
        mark = w[0]
        place(s, w, p, color)
        h = s[heads + head]
        n = s[liberties + h]
        free = n >= 3
        if n == 2:
            a = first_liberty(s, h)
            b = last_liberty(s, h)
            free = not captures(s, w, head, a) and not captures(s, w, head, b)
        take_back(s, w, mark)
        if free:
            _mark(s, out, p, LADDER_ESCAPE)


@njit(cache=True, nogil=True)
def encode(s, w, color, out):  # type: ignore[no-untyped-def]
    """Write the planes of the position, seen by ``color``, to ``out``: uint64 (size * size,)."""
    size, stride, points, ply = s[SIZE], s[STRIDE], s[POINTS], s[PLY]
    heads, plies = HEADER + points, HEADER + 3 * points
    liberties = HEADER + 5 * points
    one = np.uint64(1)
    w[0] = 0
    eyes = find_true_eyes(s, w, color)
    ladders = 0
    i = 0
    for row in range(1, size + 1):
        for p in range(row * stride, row * stride + size):
            c = s[HEADER + p]
            if c == EMPTY:
                word = (one << np.uint64(VACANT)) | (one << np.uint64(ONES))
                taken, after, stones = foresee(s, p, color)
                if after > 0 and (p != s[KO] or color != s[KO_COLOR]):
                    word |= one << np.uint64(CAPTURE + min(taken, 7))
                    word |= one << np.uint64(LIBERTIES_AFTER + min(after, 8) - 1)
                    if after == 1:
                        word |= one << np.uint64(SELF_ATARI + min(stones, 8) - 1)
                    if eyes == 0 or w[EYES + p] == 0:
                        word |= one << np.uint64(SENSIBLE)
            else:
                h = s[heads + p]
                n = s[liberties + h]
                word = one << np.uint64(OWN if c == color else OPPONENT)
                word |= one << np.uint64(ONES)
                word |= one << np.uint64(TURNS + min(ply - s[plies + p], 7))
                word |= one << np.uint64(LIBERTIES + min(n, 8) - 1)
                if h == p and ((c == color and n == 1) or (c != color and n == 2)):
                    ladders += 1
            out[i] = word
            i += 1
    if ladders > 0:
        for row in range(1, size + 1):
            for p in range(row * stride, row * stride + size):
                c = s[HEADER + p]
                if c == EMPTY or s[heads + p] != p:
                    continue
                n = s[liberties + p]
                if c == color:
                    if n == 1:
                        _mark_ladder_escapes(s, w, out, p, color)
                elif n == 2:
                    a = first_liberty(s, p)
                    b = last_liberty(s, p)
                    if captures(s, w, p, a):
                        _mark(s, out, a, LADDER_CAPTURE)
                    if captures(s, w, p, b):
                        _mark(s, out, b, LADDER_CAPTURE)
