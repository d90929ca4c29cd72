"""Thousands of games at once: one row of each array a game, one call a ply, for the learning environment.

A game is a row of ``states`` (see ``state``), a row of ``seen`` (the arrangements of stones so far, for superko) and
an entry of ``randoms`` (its random numbers). Black moves first and turns alternate, so the ply says whose turn it is.

``seen`` begins with a filter of ``FILTER`` words, a bit for each hash, so that most questions touch little memory; then
comes a table with open addressing, of a power of two entries, at least twice the plies that a game may last. Under
simple ko it has no entries. Under situational superko an arrangement counts together with who brought it about. 0 marks
a free place: it is the empty board, which no move brings about.

Every function that takes ``w`` needs a workspace of its own for each thread (``state.WORKSPACE`` entries).
"""

import numpy as np
from numba import njit

from goengine._kernels.planes import encode
from goengine._kernels.state import (
    BLACK,
    BORDER,
    EMPTY,
    EYES,
    HASH,
    HEADER,
    JOURNAL_ROOM,
    KO,
    KO_COLOR,
    PASSES,
    PLY,
    POINTS,
    SIZE,
    STRIDE,
    WHITE,
    find_true_eyes,
    is_legal,
    padded,
    place,
    play,
    reset,
    stone_key,
    take_back,
    unpadded,
)

SIMPLE, POSITIONAL, SITUATIONAL = 0, 1, 2
RAISE, LOSE, RESAMPLE = 0, 1, 2

FILTER = 128  # entries of the filter in front of each table

_TRIES = 24  # points drawn before all candidates are listed
_BY_WHITE = -0x61C8864680B583EB  # mixed into what White brought about


@njit(cache=True, nogil=True)
def _next_random(randoms, i):  # type: ignore[no-untyped-def]
    """64 random bits of game ``i`` (splitmix64)."""
    z = randoms[i] + np.uint64(0x9E3779B97F4A7C15)
    randoms[i] = z
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _below(randoms, i, n):  # type: ignore[no-untyped-def]
    """A random number from 0 to ``n`` - 1."""
    return np.int64(((_next_random(randoms, i) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True, nogil=True)
def _to_play(s):  # type: ignore[no-untyped-def]
    return BLACK if s[PLY] & 1 == 0 else WHITE


@njit(cache=True, nogil=True)
def _key(stones, color, ko):  # type: ignore[no-untyped-def]
    """What the table holds of an arrangement that ``color`` brought about."""
    if ko == SITUATIONAL and color == WHITE:
        return stones ^ np.int64(_BY_WHITE)
    return stones


@njit(cache=True, nogil=True)
def _was_seen(table, key):  # type: ignore[no-untyped-def]
    bit = key & (FILTER * 64 - 1)
    if table[bit >> 6] & (np.int64(1) << (bit & 63)) == 0:
        return False
    mask = len(table) - FILTER - 1
    at = (key >> 20) & mask
    while table[FILTER + at] != 0:
        if table[FILTER + at] == key:
            return True
        at = (at + 1) & mask
    return False


@njit(cache=True, nogil=True)
def _note(table, key):  # type: ignore[no-untyped-def]
    bit = key & (FILTER * 64 - 1)
    table[bit >> 6] |= np.int64(1) << (bit & 63)
    mask = len(table) - FILTER - 1
    at = (key >> 20) & mask
    while table[FILTER + at] != 0 and table[FILTER + at] != key:
        at = (at + 1) & mask
    table[FILTER + at] = key


@njit(cache=True, nogil=True)
def _repeats(s, w, table, p, color, ko):  # type: ignore[no-untyped-def]
    """Would this move, legal under simple ko, bring about what superko forbids?"""
    points, stride = s[POINTS], s[STRIDE]
    heads, plies, liberties = HEADER + points, HEADER + 3 * points, HEADER + 5 * points
    if s[plies + p] == 0:  # no earlier arrangement had a stone here
        return False
    captures = False
    for d in (-stride, -1, 1, stride):
        if s[HEADER + p + d] == 3 - color and s[liberties + s[heads + p + d]] == 1:
            captures = True
    if captures:
        w[0] = 0
        place(s, w, p, color)
        after = s[HASH]
        take_back(s, w, 0)
    else:
        after = s[HASH] ^ stone_key(p, color)
    return _was_seen(table, _key(after, color, ko))


@njit(cache=True, nogil=True)
def _may_play(s, w, table, p, color, ko):  # type: ignore[no-untyped-def]
    return is_legal(s, p, color) and (ko == SIMPLE or not _repeats(s, w, table, p, color, ko))


@njit(cache=True, nogil=True)
def _play(s, w, table, p, color, ko):  # type: ignore[no-untyped-def]
    """Play a legal move, 0 a pass, and note the arrangement."""
    play(s, w, p, color)
    if ko != SIMPLE:
        _note(table, _key(s[HASH], color, ko))


@njit(cache=True, nogil=True)
def _start(s, table, ko):  # type: ignore[no-untyped-def]
    reset(s, s[SIZE])
    for p in range(s[POINTS]):  # for _repeats: where no stone was played yet
        s[HEADER + 3 * s[POINTS] + p] = 0
    if ko != SIMPLE:
        for i in range(len(table)):
            table[i] = 0


@njit(cache=True, nogil=True)
def _score(s, w):  # type: ignore[no-untyped-def]
    """Black's area less White's on the board, all stones taken as alive, without komi."""
    points, stride, size = s[POINTS], s[STRIDE], s[SIZE]
    total = 0
    for p in range(points):
        w[p] = 0
    for row in range(1, size + 1):
        for start in range(row * stride, row * stride + size):
            c = s[HEADER + start]
            if c != EMPTY:
                total += 1 if c == BLACK else -1
                continue
            if w[start] != 0:
                continue
            w[start] = 1  # the region: a stack behind the marks
            w[points] = start
            height = 1
            region = 0
            black = False
            white = False
            while height > 0:
                height -= 1
                p = w[points + height]
                region += 1
                for d in (-stride, -1, 1, stride):
                    c = s[HEADER + p + d]
                    if c == BLACK:
                        black = True
                    elif c == WHITE:
                        white = True
                    elif c == EMPTY and w[p + d] == 0:
                        w[p + d] = 1
                        w[points + height] = p + d
                        height += 1
            if black != white:
                total += region if black else -region
    w[0] = 0
    return total


@njit(cache=True, nogil=True)
def _draw(s, w, table, randoms, i, color, ko, spare_eyes):  # type: ignore[no-untyped-def]
    """A padded point drawn uniformly among those that ``color`` may play; 0 if there is none.

    With ``spare_eyes`` its own true eyes (``find_true_eyes``) are left out.
    """
    size, stride = s[SIZE], s[STRIDE]
    known = False
    for _ in range(_TRIES):
        p = padded(s, _below(randoms, i, size * size))
        if s[HEADER + p] != EMPTY:
            continue
        if spare_eyes:
            closed = True
            for d in (-stride, -1, 1, stride):
                c = s[HEADER + p + d]
                if c != color and c != BORDER:
                    closed = False
            if closed:
                if not known:
                    find_true_eyes(s, w, color)
                    known = True
                if w[EYES + p] != 0:
                    continue
        if _may_play(s, w, table, p, color, ko):
            return p
    if spare_eyes and not known:
        find_true_eyes(s, w, color)
    count = 0
    first = JOURNAL_ROOM  # behind what a move may write
    for row in range(1, size + 1):
        for p in range(row * stride, row * stride + size):
            if s[HEADER + p] == EMPTY and (not spare_eyes or w[EYES + p] == 0):
                w[first + count] = p
                count += 1
    while count > 0:
        k = _below(randoms, i, count)
        p = w[first + k]
        if _may_play(s, w, table, p, color, ko):
            return p
        count -= 1
        w[first + k] = w[first + count]
    return 0


@njit(cache=True, nogil=True)
def start(states, seen, which, size, ko, first, last):  # type: ignore[no-untyped-def]
    """Begin the games ``which``, bool (games,), of ``first`` to ``last`` - 1 anew on an empty board."""
    for i in range(first, last):
        if which[i]:
            states[i, SIZE] = size
            _start(states[i], seen[i], ko)


@njit(cache=True, nogil=True)
def draw_bits(randoms, which, out, first, last):  # type: ignore[no-untyped-def]
    """Write 64 random bits for each of the games ``which`` to ``out``, uint64 (games,)."""
    for i in range(first, last):
        if which[i]:
            out[i] = _next_random(randoms, i)


@njit(cache=True, nogil=True)
def first_illegal(w, states, seen, skip, actions, ko, first, last):  # type: ignore[no-untyped-def]
    """The first game, of those not to ``skip``, whose action is illegal; -1 if none is. Nothing is changed."""
    for i in range(first, last):
        s = states[i]
        if skip[i] or actions[i] == s[SIZE] * s[SIZE]:
            continue
        if not _may_play(s, w, seen[i], padded(s, actions[i]), _to_play(s), ko):
            return i
    return -1


@njit(cache=True, nogil=True)
def play_actions(w, states, seen, randoms, skip, actions, ko, illegal, first, last):  # type: ignore[no-untyped-def]
    """Play one action in each game not to ``skip``; write what was played to ``actions``.

    ``illegal`` says what becomes of an illegal action: under ``LOSE`` nothing is played and the action becomes -1;
    under ``RESAMPLE`` a legal point is drawn in its place, a pass if there is none. Under ``RAISE`` all must be legal.
    """
    for i in range(first, last):
        if skip[i]:
            continue
        s, table = states[i], seen[i]
        color = _to_play(s)
        if actions[i] == s[SIZE] * s[SIZE]:
            _play(s, w, table, 0, color, ko)
            continue
        p = padded(s, actions[i])
        if illegal != RAISE and not _may_play(s, w, table, p, color, ko):
            if illegal == LOSE:
                actions[i] = -1
                continue
            p = _draw(s, w, table, randoms, i, color, ko, False)
            actions[i] = unpadded(s, p) if p != 0 else s[SIZE] * s[SIZE]
        _play(s, w, table, p, color, ko)


@njit(cache=True, nogil=True)
def play_random(w, states, seen, randoms, skip, actions, ko, first, last):  # type: ignore[no-untyped-def]
    """Play a random move in each game not to ``skip``: uniform among the legal points that fill no true eye, or a pass.

    What was played goes to ``actions``, int64 (games,).
    """
    for i in range(first, last):
        if skip[i]:
            continue
        s, table = states[i], seen[i]
        color = _to_play(s)
        p = _draw(s, w, table, randoms, i, color, ko, True)
        _play(s, w, table, p, color, ko)
        actions[i] = unpadded(s, p) if p != 0 else s[SIZE] * s[SIZE]


@njit(cache=True, nogil=True)
def draw_actions(w, states, seen, randoms, actions, ko, first, last):  # type: ignore[no-untyped-def]
    """Write to ``actions`` a random move for each game, as ``play_random`` draws it; nothing is played."""
    for i in range(first, last):
        s = states[i]
        p = _draw(s, w, seen[i], randoms, i, _to_play(s), ko, True)
        actions[i] = unpadded(s, p) if p != 0 else s[SIZE] * s[SIZE]


@njit(cache=True, nogil=True)
def find_ends(states, skip, limit, passed, cut, first, last):  # type: ignore[no-untyped-def]
    """Write which games, of those not to ``skip``, ended by two passes and which only by the limit of plies."""
    for i in range(first, last):
        passed[i] = False
        cut[i] = False
        if not skip[i]:
            passed[i] = states[i, PASSES] >= 2
            cut[i] = not passed[i] and states[i, PLY] >= limit


@njit(cache=True, nogil=True)
def scores(w, states, which, out, first, last):  # type: ignore[no-untyped-def]
    """Write Black's area less White's, without komi, of the games ``which`` to ``out``, float64 (games,)."""
    for i in range(first, last):
        if which[i]:
            out[i] = _score(states[i], w)


@njit(cache=True, nogil=True)
def masks(w, states, seen, ko, out, first, last):  # type: ignore[no-untyped-def]
    """Write which actions are legal to ``out``, int8 (games, size * size + 1); the pass, the last one, always is.

    Without branches: a point is legal if it is empty and has a neighbour that is empty, an own chain of two liberties
    or more, or an opponent's chain of one.
    """
    for i in range(first, last):
        s, table = states[i], seen[i]
        size, stride, points = s[SIZE], s[STRIDE], s[POINTS]
        heads, plies, liberties = HEADER + points, HEADER + 3 * points, HEADER + 5 * points
        color = _to_play(s)
        for p in range(points):
            c = s[HEADER + p]
            n = s[liberties + s[heads + p]]  # says nothing where there is no stone
            helps = (c == EMPTY) | ((c == color) & (n > 1)) | ((c == 3 - color) & (n == 1))
            w[EYES + p] = np.int64(helps)
        forbidden = s[KO] if s[KO_COLOR] == color else 0
        k = 0
        for row in range(1, size + 1):
            for p in range(row * stride, row * stride + size):
                e = EYES + p
                helped = w[e - stride] | w[e - 1] | w[e + 1] | w[e + stride]
                out[i, k] = helped * np.int64((s[HEADER + p] == EMPTY) & (p != forbidden))
                k += 1
        out[i, k] = 1
        if ko == SIMPLE:
            continue
        k = 0
        for row in range(1, size + 1):
            for p in range(row * stride, row * stride + size):
                if out[i, k] != 0 and s[plies + p] != 0 and _repeats(s, w, table, p, color, ko):
                    out[i, k] = 0
                k += 1


@njit(cache=True, nogil=True)
def boards(states, out, first, last):  # type: ignore[no-untyped-def]
    """Write the stones to ``out``, int8 (games, size * size): +1 Black, -1 White, 0 empty."""
    for i in range(first, last):
        s = states[i]
        k = 0
        for row in range(1, s[SIZE] + 1):
            for p in range(row * s[STRIDE], row * s[STRIDE] + s[SIZE]):
                c = s[HEADER + p]
                out[i, k] = (c & 1) - (c >> 1)
                k += 1


@njit(cache=True, nogil=True)
def own_boards(states, out, first, last):  # type: ignore[no-untyped-def]
    """The same from the viewpoint of the player to move: +1 own, -1 the opponent's (the feature set ``board1``)."""
    for i in range(first, last):
        s = states[i]
        own = 1 if _to_play(s) == BLACK else -1
        k = 0
        for row in range(1, s[SIZE] + 1):
            for p in range(row * s[STRIDE], row * s[STRIDE] + s[SIZE]):
                c = s[HEADER + p]
                out[i, k] = own * ((c & 1) - (c >> 1))
                k += 1


@njit(cache=True, nogil=True)
def simple_planes(states, planes, out, first, last):  # type: ignore[no-untyped-def]
    """Write the first ``planes`` planes, 4, 12 or 20, seen by the player to move, to ``out``.

    ``out`` is uint8 (games, planes, size * size): stones and ones; turns since; liberties, as ``encode`` has them.
    """
    for i in range(first, last):
        s = states[i]
        points, size, stride, ply = s[POINTS], s[SIZE], s[STRIDE], s[PLY]
        heads, plies, liberties = HEADER + points, HEADER + 3 * points, HEADER + 5 * points
        own = _to_play(s)
        for plane in range(planes):
            value = 1 if plane == 3 else 0
            for k in range(size * size):
                out[i, plane, k] = value
        k = 0
        for row in range(1, size + 1):
            for p in range(row * stride, row * stride + size):
                c = s[HEADER + p]
                if c == EMPTY:
                    out[i, 2, k] = 1
                else:
                    out[i, 0 if c == own else 1, k] = 1
                    if planes > 4:
                        out[i, 4 + min(ply - s[plies + p], 7), k] = 1
                    if planes > 12:
                        out[i, 12 + min(s[liberties + s[heads + p]], 8) - 1, k] = 1
                k += 1


@njit(cache=True, nogil=True)
def words(w, states, out, first, last):  # type: ignore[no-untyped-def]
    """Write all 48 planes, seen by the player to move, as words to ``out``, uint64 (games, size * size)."""
    for i in range(first, last):
        encode(states[i], w, _to_play(states[i]), out[i])
