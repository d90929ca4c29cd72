"""A GTP program for tests of the match runner: `fake_gtp_program.py [FAULT [LOG]]`.

Plays the first empty point from the top left (White: from the bottom right), and passes after `LENGTH` moves of its
own. Needs nothing but Python, so that it starts at once. Writes what it is told to LOG. The faults are below; `kata`
and `plain` are none, but whether it knows KataGo's time settings.
"""

import os
import sys
import time

LETTERS = "ABCDEFGHJKLMNOPQRST"
LENGTH = 6
KNOWN = {"kata": ("kata-time_settings", "time_settings", "time_left"), "plain": ("time_settings", "time_left")}


def main(fault: str, log: str) -> None:
    """Answer commands until quit."""
    if fault == "broken":
        sys.stderr.write("no network\n")
        sys.exit(2)
    size, stones, moves = 19, set[str](), 0
    for line in sys.stdin:
        if log:
            with open(log, "a") as file:
                file.write(line)
        name, *words = line.split()
        answer = ""
        if name == "boardsize":
            size = int(words[0])
        elif name == "clear_board":
            stones, moves = set(), 0
        elif name == "known_command":
            answer = str(words[0] in KNOWN.get(fault, ())).lower()
        elif name == "play":
            if fault == "refuses" and moves == 2:
                print("? illegal move\n", flush=True)
                continue
            stones.add(words[1].upper())
        elif name == "genmove":
            if fault == "crash" and moves == 2:
                sys.stderr.write("the roof fell in\n")
                os._exit(3)
            if fault == "hang" and moves == 2:
                time.sleep(1000)
            if fault == "slow" and moves == 2:
                time.sleep(2)
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
            if fault == "dies counting":
                os._exit(1)
            answer = "W+0.5" if fault == "miscounts" else "B+3.5"
        elif name == "quit":
            print("=\n", flush=True)
            return
        print(f"= {answer}\n", flush=True)


if __name__ == "__main__":
    main(*[*sys.argv[1:], "", ""][:2])
