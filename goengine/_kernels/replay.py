"""Whole games, as move codes (``goengine.movecodes``): replaying, checking, encoding by the batch."""

import numpy as np
from numba import njit

from goengine._kernels.planes import encode
from goengine._kernels.state import (
    BLACK,
    EMPTY,
    HEADER,
    PLY,
    POINTS,
    SETUP_PLY,
    SIZE,
    WHITE,
    WORKSPACE,
    foresee,
    is_legal,
    padded,
    place,
    play,
    reset,
    state_length,
    take_back,
    unpadded,
)

_POINT, _PASS, _SETUP, _WHITE = 0x3FF, 0x3FF, 0x4000, 0x8000


@njit(cache=True, nogil=True)
def apply(s, w, code):  # type: ignore[no-untyped-def]
    """Play one code that is known to be legal."""
    color = WHITE if code & _WHITE else BLACK
    point = code & _POINT
    if code & _SETUP:
        p = padded(s, point)
        w[0] = 0
        place(s, w, p, color)
        w[0] = 0
        s[5] = 0
        s[HEADER + 3 * s[POINTS] + p] = SETUP_PLY
    elif point == _PASS:
        play(s, w, 0, color)
    else:
        play(s, w, padded(s, point), color)


@njit(cache=True, nogil=True)
def _on_board(code, size):  # type: ignore[no-untyped-def]
    return code & _POINT < size * size or code & (_POINT | _SETUP) == _PASS


@njit(cache=True, nogil=True)
def code_is_legal(s, code):  # type: ignore[no-untyped-def]
    """May this code come next? Simple ko, suicide illegal; setup stones only before the first ply, with a liberty."""
    point = code & _POINT
    if code & _SETUP:
        if s[PLY] != 0 or point >= s[SIZE] * s[SIZE]:
            return False
        p = padded(s, point)
        color = WHITE if code & _WHITE else BLACK
        if s[HEADER + p] != EMPTY:
            return False
        taken, after, _ = foresee(s, p, color)
        return taken == 0 and after > 0
    if point == _PASS:
        return True
    if point >= s[SIZE] * s[SIZE]:
        return False
    return is_legal(s, padded(s, point), WHITE if code & _WHITE else BLACK)


@njit(cache=True, nogil=True)
def legal_prefix(codes, size):  # type: ignore[no-untyped-def]
    """How many leading codes are legal, one after the other; ``len(codes)`` if all are."""
    s = np.zeros(state_length(size), np.int64)
    w = np.empty(WORKSPACE, np.int64)
    w[0] = 0
    reset(s, size)
    for i in range(len(codes)):
        code = np.int64(codes[i])
        if not code_is_legal(s, code):
            return i
        apply(s, w, code)
    return len(codes)


@njit(cache=True, nogil=True)
def hashes(s, w, codes, out):  # type: ignore[no-untyped-def]
    """Play all codes, known to be legal, and write the hash of the stones after each to ``out``."""
    for i in range(len(codes)):
        apply(s, w, np.int64(codes[i]))
        out[i] = s[7]


@njit(cache=True, nogil=True)
def legal_points(s, w, color, out, after):  # type: ignore[no-untyped-def]
    """Write which points are legal (simple ko) to ``out``, bool (size * size,), the hash after each to ``after``."""
    size, stride = s[SIZE], s[SIZE] + 1
    count = 0
    for row in range(size):
        for col in range(size):
            p = (row + 1) * stride + col
            i = row * size + col
            legal = is_legal(s, p, color)
            out[i] = legal
            after[i] = 0
            if legal:
                count += 1
                w[0] = 0
                place(s, w, p, color)
                after[i] = s[7]
                take_back(s, w, 0)
    return count


@njit(cache=True, nogil=True)
def board(s, out):  # type: ignore[no-untyped-def]
    """Write the stones to ``out``, int8 (size * size,): +1 Black, -1 White, 0 empty."""
    size = s[SIZE]
    for row in range(size):
        for col in range(size):
            c = s[HEADER + (row + 1) * (size + 1) + col]
            out[row * size + col] = 1 if c == BLACK else (-1 if c == WHITE else 0)


@njit(cache=True, nogil=True)
def own_board(s, color, out):  # type: ignore[no-untyped-def]
    """The same for ``color``: +1 its own, -1 the opponent's, 0 empty."""
    board(s, out)
    if color == WHITE:
        for i in range(len(out)):
            out[i] = -out[i]


@njit(cache=True, nogil=True)
def chain(s, point, out):  # type: ignore[no-untyped-def]
    """Write the stones of the chain at ``point``, then its liberties, to ``out``; returns the two counts."""
    points = s[POINTS]
    p = padded(s, point)
    head = s[HEADER + points + p]
    n = 0
    x = head
    while True:
        out[n] = unpadded(s, x)
        n += 1
        x = s[HEADER + 2 * points + x]
        if x == head:
            break
    words = s[3]
    m = 0
    for p in range(points):
        if (s[HEADER + 6 * points + head * words + (p >> 6)] >> (p & 63)) & 1:
            out[n + m] = unpadded(s, p)
            m += 1
    return n, m


@njit(cache=True, nogil=True)
def encode_samples(moves, offsets, games, labels, size, out, colors, ahead, boards):  # type: ignore[no-untyped-def]
    """Encode positions of many games; see ``goengine.features.encode_games``.

    Samples of the same game in ascending order are encoded in one replay. For ``ahead``, int64 (k,) ascending, the
    replay goes on, and the stones so many codes later go to ``boards``, int8 (samples, k, size * size).

    Returns -1; or, at a code that is not on the board, the sample for which it would have been played.
    """
    s = np.zeros(state_length(size), np.int64)
    w = np.empty(WORKSPACE, np.int64)
    w[0] = 0
    game = -1
    at = 0
    for i in range(len(games)):
        if games[i] != game or labels[i] < at:
            game = games[i]
            at = 0
            reset(s, size)
        first = offsets[game]
        while at < labels[i]:
            if not _on_board(moves[first + at], size):
                return i
            apply(s, w, np.int64(moves[first + at]))
            at += 1
        white = moves[first + at] & _WHITE != 0
        colors[i] = white
        encode(s, w, WHITE if white else BLACK, out[i])
        for k in range(len(ahead)):
            until = min(labels[i] + ahead[k], offsets[game + 1] - first)
            while at < until:
                if not _on_board(moves[first + at], size):
                    return i
                apply(s, w, np.int64(moves[first + at]))
                at += 1
            own_board(s, WHITE if white else BLACK, boards[i, k])
    return -1
