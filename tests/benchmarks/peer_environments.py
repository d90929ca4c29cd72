"""Random games at 19x19 in another environment, for test_bench_env; run by a Python that has it, not by pytest.

Prints the steps and the processor seconds that they took, the choosing of actions not counted. Exit status 3: the
environment is not installed.
"""

import importlib
import random
import sys
import time
from typing import Any

SIZE, LONGEST = 19, 722


def choose(mask: Any) -> int:
    """A legal action, uniformly."""
    return int(random.choice(mask.nonzero()[0].tolist()))


def pettingzoo(seconds: float) -> tuple[int, float]:
    """PettingZoo's go_v5: a step and the observation with its mask."""
    env = importlib.import_module("pettingzoo.classic.go_v5").env(board_size=SIZE)
    steps, spent = 0, 0.0
    while spent < seconds:
        env.reset()
        mask = env.last()[0]["action_mask"]
        for _ in range(LONGEST):
            action = choose(mask)
            start = time.process_time()
            env.step(action)
            observation, _, terminated, truncated, _ = env.last()
            spent += time.process_time() - start
            steps += 1
            if terminated or truncated:
                break
            mask = observation["action_mask"]
    return steps, spent


def gymgo(seconds: float) -> tuple[int, float]:
    """GymGo's environment: a step, which computes the mask too."""
    env = importlib.import_module("gym_go.envs.go_env").GoEnv(SIZE)
    steps, spent = 0, 0.0
    while spent < seconds:
        env.reset()
        for _ in range(LONGEST):
            action = choose(env.get_valid_moves())
            start = time.process_time()
            _, _, done, _ = env.step(action)
            spent += time.process_time() - start
            steps += 1
            if done:
                break
    return steps, spent


if __name__ == "__main__":
    random.seed(1)
    try:
        print(*{"pettingzoo": pettingzoo, "gymgo": gymgo}[sys.argv[1]](float(sys.argv[2])))
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
