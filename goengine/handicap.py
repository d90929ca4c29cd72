"""Where handicap stones go: the fixed places of GTP (section 4.1.1), and as many free ones as are asked for."""

from goengine.coords import point_of, row_col

__all__ = ["fixed_handicap_limit", "fixed_handicap_points", "free_handicap_points", "star_points"]

# (column, row from the bottom), each 0 low, 1 middle, 2 high; the order is that of section 4.1.1
_CORNERS = ((0, 0), (2, 2), (0, 2), (2, 0))
_SIDES = ((0, 1), (2, 1), (1, 0), (1, 2))
_MIDDLE = (1, 1)


def fixed_handicap_limit(size: int) -> int:
    """The largest fixed handicap: 9 on odd boards from 9x9, 4 on even ones and on 7x7, 0 below."""
    if size < 7:
        return 0
    return 9 if size % 2 and size > 7 else 4


def fixed_handicap_points(stones: int, size: int) -> list[int]:
    """The points of a fixed handicap, in the protocol's order: 2 stones are lower left, then upper right.

    On the third line below 13x13, else on the fourth. ``stones`` is 2 up to :func:`fixed_handicap_limit`.
    """
    assert 2 <= stones <= fixed_handicap_limit(size)
    places = list(_CORNERS[: min(stones, 4)])
    if stones >= 6:
        places += _SIDES[: 4 if stones >= 8 else 2]
    if stones in (5, 7, 9):
        places.append(_MIDDLE)
    edge = _edge(size)
    lines = (edge, size // 2, size - 1 - edge)
    return [point_of(size - 1 - lines[row], lines[col], size) for col, row in places]


def free_handicap_points(stones: int, size: int) -> list[int]:
    """Places for a handicap that the engine may choose: the fixed ones while they last, then the emptiest spots.

    ``stones`` is 2 up to all points but one; exactly as many distinct points come back.
    """
    assert 2 <= stones < size * size
    chosen = fixed_handicap_points(min(stones, limit), size) if (limit := fixed_handicap_limit(size)) else []
    best_line = min(3, (size - 1) // 2)

    def distance(a: int, b: int) -> int:
        (row, col), (r, c) = row_col(a, size), row_col(b, size)
        return (row - r) ** 2 + (col - c) ** 2

    def off_line(point: int) -> int:
        row, col = row_col(point, size)
        return abs(min(row, col, size - 1 - row, size - 1 - col) - best_line)

    def merit(point: int) -> tuple[bool, int, int, int]:
        row, col = row_col(point, size)
        inside = min(row, col, size - 1 - row, size - 1 - col) >= min(2, best_line)
        return inside, near[point], -off_line(point), -point

    free = [point for point in range(size * size) if point not in chosen]
    near = {point: min((distance(point, other) for other in chosen), default=0) for point in free}
    while len(chosen) < stones:
        new = max(near, key=merit)
        chosen.append(new)
        del near[new]
        for point in near:
            near[point] = min(near[point], distance(point, new)) if len(chosen) > 1 else distance(point, new)
    return chosen


def star_points(rows: int, columns: int) -> list[tuple[int, int]]:
    """Row and column of the points that a board marks: nine on 19x19, five on 13x13 and 9x9, none below 7x7."""
    if min(rows, columns) < 7:
        return []
    across, along = ((edge := _edge(size), size - 1 - edge) for size in (rows, columns))
    points = [(row, column) for row in across for column in along]
    if rows % 2 and columns % 2:
        points.append((rows // 2, columns // 2))
    if rows % 2 and rows >= 15:
        points += [(rows // 2, column) for column in along]
    if columns % 2 and columns >= 15:
        points += [(row, columns // 2) for row in across]
    return points


def _edge(size: int) -> int:
    """The line of the corners' star points, 0 at the edge: the third below 13x13, else the fourth."""
    return 2 if size < 13 else 3
