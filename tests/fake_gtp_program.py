"""A GTP program for tests of the match runner, with the faults that the first argument names.

Plays the first empty point from the top left (White: from the bottom right), and passes after `LENGTH` moves of its
own. Needs nothing but Python, so that it starts at once.
"""

import os
import sys
import time

LETTERS = "ABCDEFGHJKLMNOPQRST"
LENGTH = 6


def main(fault: str) -> None:
    """Answer commands until quit."""
    size, stones, moves = 19, set[str](), 0
    for line in sys.stdin:
        name, *words = line.split()
        answer = ""
        if name == "boardsize":
            size = int(words[0])
        elif name == "clear_board":
            stones, moves = set(), 0
        elif name == "play":
            stones.add(words[1].upper())
        elif name == "genmove":
            if fault == "crash" and moves == 2:
                sys.stderr.write("the roof fell in\n")
                os._exit(3)
            if fault == "hang" and moves == 2:
                time.sleep(1000)
            if fault == "noise" and moves == 2:
                print("thinking ...\n", flush=True)
            points = [f"{column}{row}" for row in range(size, 0, -1) for column in LETTERS[:size]]
            free = [point for point in points if point not in stones]
            answer = free[0 if words[0][0].lower() == "b" else -1] if free and moves < LENGTH else "pass"
            if fault == "illegal" and moves == 2:
                answer = next(iter(sorted(stones)))
            if fault == "nonsense" and moves == 2:
                answer = "Q99"
            if fault == "resign" and moves == 2:
                answer = "resign"
            if fault == "fails" and moves == 2:
                print("? cannot think\n", flush=True)
                continue
            stones.add(answer.upper())
            moves += 1
        elif name == "final_score":
            if fault == "uncounted":
                print("? cannot score\n", flush=True)
                continue
            answer = "B+3.5"
        elif name == "quit":
            print("=\n", flush=True)
            return
        print(f"= {answer}\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
