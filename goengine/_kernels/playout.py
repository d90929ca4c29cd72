"""Fast random playouts: a light board of its own that knows stones, chains and pseudo-liberties only.

Points are padded as in ``state``. A chain's pseudo-liberties are its stones' empty neighbours, counted once for each
stone beside them: cheap to keep, and zero exactly when the chain has no liberty, which is all that a playout asks.
One int32 array holds a playout's board, five entries a padded point: colour; head of the chain; next stone of the
chain (a ring); for heads stones and pseudo-liberties.
"""

import numpy as np
from numba import njit

_EMPTY, _BLACK, _WHITE, _BORDER = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def _place(color, heads, nexts, stones, liberties, empties, index, count, p, mine, stride):  # type: ignore[no-untyped-def]
    """Play ``p`` if it is legal but for ko; returns (empty points after, stones taken, the last of them), count -1: illegal.

    ``empties[:count]`` are the empty points, ``index`` says where each stands.
    """
    free = 0
    for d in (-stride, -1, 1, stride):
        q = p + d
        c = color[q]
        if c == _EMPTY:
            free += 1
        elif c != _BORDER:
            liberties[heads[q]] -= 1
    if free == 0:  # suicide, unless an own chain keeps a liberty or an opponent's chain has lost its last
        legal = False
        for d in (-stride, -1, 1, stride):
            c = color[p + d]
            if c != _BORDER and (liberties[heads[p + d]] == 0) == (c != mine):
                legal = True
        if not legal:
            for d in (-stride, -1, 1, stride):
                if color[p + d] != _BORDER:
                    liberties[heads[p + d]] += 1
            return -1, 0, 0
    color[p] = mine
    heads[p] = p
    nexts[p] = p
    stones[p] = 1
    liberties[p] = free
    count -= 1
    moved = empties[count]
    empties[index[p]] = moved
    index[moved] = index[p]
    taken = 0
    last = 0
    for d in (-stride, -1, 1, stride):
        q = p + d
        c = color[q]
        if c == mine:
            a, b = heads[p], heads[q]
            if a != b:
                if stones[a] < stones[b]:
                    a, b = b, a
                x = b
                while True:
                    heads[x] = a
                    x = nexts[x]
                    if x == b:
                        break
                nexts[a], nexts[b] = nexts[b], nexts[a]
                stones[a] += stones[b]
                liberties[a] += liberties[b]
        elif c == 3 - mine and liberties[heads[q]] == 0:
            x = q
            while True:
                color[x] = _EMPTY
                empties[count] = x
                index[x] = count
                count += 1
                taken += 1
                last = x
                for e in (-stride, -1, 1, stride):
                    k = color[x + e]
                    if k == mine:
                        liberties[heads[x + e]] += 1
                x = nexts[x]
                if x == q:
                    break
    return count, taken, last


@njit(cache=True, nogil=True)
def _is_eye(color, p, mine, stride):  # type: ignore[no-untyped-def]
    """Is the empty point an eye of ``mine``: neighbours own, opponent's stones on at most one diagonal (edge: none)?"""
    for d in (-stride, -1, 1, stride):
        c = color[p + d]
        if c != mine and c != _BORDER:
            return False
    bad = 0
    edge = 0
    for d in (-stride - 1, -stride + 1, stride - 1, stride + 1):
        c = color[p + d]
        if c == 3 - mine:
            bad += 1
        elif c == _BORDER:
            edge = 1
    return bad + edge < 2


@njit(cache=True, nogil=True)
def playouts(board, size, to_play, ko, number, seed, limit, owned, scores):  # type: ignore[no-untyped-def]
    """Play ``number`` games to the end with uniformly random moves, and note who owns each point then.

    Moves are legal (simple ko, no suicide) and fill no eye of the player's own; a playout ends after two passes, or
    after ``limit`` plies.

    Args:
        board: int8 (size * size,), +1 Black, -1 White, 0 empty; every chain has a liberty.
        size: of the board.
        to_play: 1 for Black, 2 for White.
        ko: the point, row * size + col, that ``to_play`` may not retake at once; -1 for none.
        number: of playouts.
        seed: of the random numbers, any int64.
        limit: of plies in a playout.
        owned: int32 (size * size,), changed: plus 1 for each playout that ends with Black owning the point, minus 1
            for White.
        scores: int32 (number,), written: Black's points minus White's on the board, without komi.
    """
    stride = size + 1
    points = (size + 2) * stride + 1
    root = np.zeros((5, points), np.int32)
    now = np.zeros((5, points), np.int32)
    root_empties = np.zeros(size * size, np.int32)
    empties = np.zeros(size * size, np.int32)
    index = np.zeros(points, np.int32)
    # the root: every stone laid as if played, so that chains and pseudo-liberties are right
    color, heads, nexts, stones, liberties = root[0], root[1], root[2], root[3], root[4]
    color[:] = _BORDER
    root_count = 0
    for point in range(size * size):
        p = (point // size + 1) * stride + point % size
        color[p] = _EMPTY
        empties[root_count] = p
        index[p] = root_count
        root_count += 1
    # stones of one colour, then of the other: nothing is captured on the way, for each chain keeps a liberty
    for mine, sign in ((_BLACK, 1), (_WHITE, -1)):
        for point in range(size * size):
            if board[point] == sign:
                p = (point // size + 1) * stride + point % size
                root_count, _, _ = _place(
                    color, heads, nexts, stones, liberties, empties, index, root_count, p, mine, stride
                )
    root_empties[:root_count] = empties[:root_count]
    state = np.uint64(seed) * np.uint64(2) + np.uint64(0x9E3779B97F4A7C15)
    for n in range(number):
        now[:] = root
        color, heads, nexts, stones, liberties = now[0], now[1], now[2], now[3], now[4]
        count = root_count
        for i in range(count):
            empties[i] = root_empties[i]
            index[empties[i]] = i
        mine = to_play
        forbidden = 0
        if ko >= 0:
            forbidden = (ko // size + 1) * stride + ko % size
        passes = 0
        ply = 0
        while passes < 2 and ply < limit:
            ply += 1
            left = count
            played = False
            while left > 0:
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                i = np.int64(((state >> np.uint64(32)) * np.uint64(left)) >> np.uint64(32))
                p = empties[i]
                if p != forbidden and not _is_eye(color, p, mine, stride):
                    after, taken, last = _place(
                        color, heads, nexts, stones, liberties, empties, index, count, p, mine, stride
                    )
                    if after >= 0:
                        count = after
                        forbidden = 0
                        if taken == 1 and stones[heads[p]] == 1 and liberties[p] == 1:
                            forbidden = last
                        played = True
                        break
                left -= 1  # not this one: put it behind the candidates
                q = empties[left]
                empties[i] = q
                empties[left] = p
                index[q] = i
                index[p] = left
            if played:
                passes = 0
            else:
                passes += 1
                forbidden = 0
            mine = 3 - mine
        score = 0
        for point in range(size * size):
            p = (point // size + 1) * stride + point % size
            c = color[p]
            if c == _EMPTY:
                black = 0
                white = 0
                for d in (-stride, -1, 1, stride):
                    if color[p + d] == _BLACK:
                        black = 1
                    elif color[p + d] == _WHITE:
                        white = 1
                sign = black - white
            else:
                sign = 1 if c == _BLACK else -1
            score += sign
            owned[point] += sign
        scores[n] = score
