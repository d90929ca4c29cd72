"""Reading ladders: can a chain in atari get away, by running or by taking one of the stones around it?

Depth first, with an explicit stack in the workspace (a self-recursive function cannot be cached: Numba 0.68 aborts when
it loads one). Simple ko holds; there are no ko threats. A ladder across a 19x19 board takes 64 plies; the limits below
mean "escapes".
"""

from numba import njit

from goengine._kernels.state import (
    CANDIDATES,
    EYES,
    FRAMES,
    HEADER,
    JOURNAL_END,
    JOURNAL_ROOM,
    POINTS,
    STRIDE,
    first_liberty,
    foresee,
    is_legal,
    last_liberty,
    place,
    take_back,
)

MAX_FRAMES = 150  # two plies each
MAX_NODES = 20_000  # moves tried in one reading

# a frame: the prey in atari, to move
_START, _NEXT, _END, _BEFORE, _AFTER, _HUNT, _FIRST, _SECOND = range(8)
_FRAME = 8


@njit(cache=True, nogil=True)
def list_escapes(s, w, target, at):  # type: ignore[no-untyped-def]
    """Write the tries of a chain in atari to the workspace from index ``at`` on; returns the end index.

    First its liberty, then the liberty of each adjacent chain of the hunter that is in atari itself, each point once.
    """
    points, stride = s[POINTS], s[STRIDE]
    heads, nexts, liberties = HEADER + points, HEADER + 2 * points, HEADER + 5 * points
    hunter = 3 - s[HEADER + target]
    head = s[heads + target]
    end = at
    w[end] = first_liberty(s, head)
    end += 1
    x = head
    while True:
        for d in (-stride, -1, 1, stride):
            if s[HEADER + x + d] == hunter:
                h = s[heads + x + d]
                if s[liberties + h] == 1:
                    p = first_liberty(s, h)
                    new = True
                    for i in range(at, end):
                        if w[i] == p:
                            new = False
                            break
                    if new and end < EYES:
                        w[end] = p
                        end += 1
        x = s[nexts + x]
        if x == head:
            break
    return end


@njit(cache=True, nogil=True)
def _glance(s, p, other, target):  # type: ignore[no-untyped-def]
    """What is plain without playing on if the hunter plays ``p``: 1 the prey gets away, 0 it is captured, -1 unclear.

    ``p``, legal for the hunter, and ``other`` are the prey's only liberties. If neither move captures anything, running
    to ``other`` gives what it would give now, less the hunter's point.
    """
    taken, after, _ = foresee(s, other, s[HEADER + target])
    if taken != 0 or after == 3:
        return -1
    points, stride = s[POINTS], s[STRIDE]
    heads, nexts, liberties = HEADER + points, HEADER + 2 * points, HEADER + 5 * points
    prey = s[HEADER + target]
    for d in (-stride, -1, 1, stride):
        if s[HEADER + p + d] == prey and s[liberties + s[heads + p + d]] == 1:
            return -1
    if after >= 4:
        return 1
    if foresee(s, p, 3 - prey)[1] < 2:
        return -1
    head = s[heads + target]
    x = head
    while True:  # is there a chain around it that could be captured?
        for d in (-stride, -1, 1, stride):
            if s[HEADER + x + d] == 3 - prey and s[liberties + s[heads + x + d]] == 1:
                return -1
        x = s[nexts + x]
        if x == head:
            return 0


@njit(cache=True, nogil=True)
def escapes(s, w, target):  # type: ignore[no-untyped-def]
    """Does the chain at ``target``, in atari and to move, get away? The position is restored.

    A try works if the chain then has three liberties or more, or two and neither move of the hunter there captures.
    """
    points = s[POINTS]
    heads = HEADER + points
    prey = s[HEADER + target]
    hunter = 3 - prey
    root = w[0]
    nodes = 0
    f = FRAMES
    w[f + _START] = CANDIDATES
    w[f + _NEXT] = CANDIDATES
    w[f + _END] = CANDIDATES + 1
    w[CANDIDATES] = first_liberty(s, s[heads + target])
    w[f + _HUNT] = 0
    result = -1  # of the frame above: 1 got away, 0 captured, -1 none
    while True:
        if result >= 0:
            if f == FRAMES:
                return result == 1
            f -= _FRAME
            if result == 1:  # this move of the hunter fails: try his other one
                take_back(s, w, w[f + _AFTER])
                w[f + _HUNT] += 1
            else:  # this try fails
                take_back(s, w, w[f + _BEFORE])
                w[f + _HUNT] = 0
            result = -1
        if w[f + _HUNT] == 0:
            if w[f + _NEXT] == w[f + _START] + 1:  # running does not help: what could be captured?
                w[f + _END] = list_escapes(s, w, target, w[f + _START])
            if w[f + _NEXT] == w[f + _END]:
                result = 0
                continue
            p = w[w[f + _NEXT]]
            w[f + _NEXT] += 1
            if not is_legal(s, p, prey):
                continue
            nodes += 1
            if nodes > MAX_NODES:
                take_back(s, w, root)
                return True
            after = foresee(s, p, prey)[1]
            if w[f + _NEXT] > w[f + _START] + 1:  # a capture elsewhere: the chain itself has to be looked at
                after = 2
            if after >= 3:
                result = 1
                continue
            if after < 2:
                continue
            w[f + _BEFORE] = w[0]
            place(s, w, p, prey)
            head = s[heads + target]
            n = s[HEADER + 5 * points + head]
            if n != 2:
                take_back(s, w, w[f + _BEFORE])
                if n >= 3:
                    result = 1
                continue
            a = first_liberty(s, head)
            b = last_liberty(s, head)
            if foresee(s, a, prey)[1] < foresee(s, b, prey)[1]:  # block the roomier side first
                a, b = b, a
            w[f + _FIRST] = a
            w[f + _SECOND] = b
            w[f + _AFTER] = w[0]
            w[f + _HUNT] = 1
        p = 0
        seen = -1
        while w[f + _HUNT] <= 2:
            p, other = w[f + _FIRST], w[f + _SECOND]
            if w[f + _HUNT] == 2:
                p, other = other, p
            if is_legal(s, p, hunter):
                seen = _glance(s, p, other, target)
                if seen < 1:
                    break
            w[f + _HUNT] += 1
        if seen == 0:  # this try fails
            take_back(s, w, w[f + _BEFORE])
            w[f + _HUNT] = 0
            continue
        if w[f + _HUNT] > 2:  # no move of the hunter works
            take_back(s, w, w[f + _BEFORE])
            result = 1
            continue
        nodes += 1
        end = w[f + _END]
        if (
            nodes > MAX_NODES
            or w[0] > JOURNAL_END - JOURNAL_ROOM
            or f == FRAMES + (MAX_FRAMES - 1) * _FRAME
            or end > EYES - 700
        ):
            take_back(s, w, root)
            return True
        place(s, w, p, hunter)
        f += _FRAME
        w[f + _START] = end
        w[f + _NEXT] = end
        w[f + _END] = end + 1
        w[end] = first_liberty(s, s[heads + target])
        w[f + _HUNT] = 0


@njit(cache=True, nogil=True)
def captures(s, w, target, p):  # type: ignore[no-untyped-def]
    """Does the hunter's move on ``p``, one of the two liberties of the chain at ``target``, capture it in a ladder?

    False if the move is illegal. The position is restored.
    """
    prey = s[HEADER + target]
    if not is_legal(s, p, 3 - prey):
        return False
    head = s[HEADER + s[POINTS] + target]
    other = first_liberty(s, head)
    if other == p:
        other = last_liberty(s, head)
    seen = _glance(s, p, other, target)
    if seen >= 0:
        return seen == 0
    mark = w[0]
    place(s, w, p, 3 - prey)
    caught = not escapes(s, w, target)
    take_back(s, w, mark)
    return caught
