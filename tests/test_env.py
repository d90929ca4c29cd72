"""goengine/Go-v0, one game: Gymnasium's own check, types and masks, rewards and viewpoints, bad actions, pictures."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import goengine.env
from goengine.env.render import board_image, board_text
from goengine.errors import ActionError, GoEngineError, IllegalMove
from goengine.features import FEATURE_SETS, encode
from goengine.rules import KO_RULES, Position


def make(**settings: Any) -> goengine.env.GoEnv:
    env = gymnasium.make("goengine/Go-v0", **{"size": 9, **settings}).unwrapped
    assert isinstance(env, goengine.env.GoEnv)
    return env


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_gymnasiums_check(feature_set: str) -> None:
    check_env(make(feature_set=feature_set, color="random"))


@pytest.mark.parametrize("settings", [{}, {"opponent": None}, {"color": "white", "size": 19}, {"illegal": "resample"}])
def test_gymnasiums_check_of_other_settings(settings: dict[str, Any]) -> None:
    check_env(make(**settings))


@pytest.mark.parametrize("illegal", ["lose", "resample"])
@pytest.mark.parametrize("size", [2, 3])
def test_gymnasiums_check_on_boards_where_most_samples_are_illegal(size: int, illegal: str) -> None:
    check_env(make(size=size, illegal=illegal, color="white"))


def test_it_is_made_without_an_import_and_needs_no_torch() -> None:
    program = (
        "import gymnasium, sys\n"
        "env = gymnasium.make('goengine.env:goengine/Go-v0', size=5, komi=0.5, ko='situational',\n"
        "    feature_set='board1')\n"
        "observation, info = env.reset(seed=1)\n"
        "done = False\n"
        "while not done:\n"
        "    action = env.action_space.sample(info['action_mask'])\n"
        "    observation, reward, terminated, truncated, info = env.step(action)\n"
        "    done = terminated or truncated\n"
        "envs = gymnasium.make_vec('goengine/Go-v0', num_envs=3, size=5)\n"
        "envs.reset(seed=1)\n"
        "print(type(envs).__name__, reward, 'torch' in sys.modules, 'goengine.gtp' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    name, reward, torch, gtp = run.stdout.split()
    assert (name, torch, gtp) == ("GoVectorEnv", "False", "False")
    assert reward in ("-1.0", "0.0", "1.0")


def test_without_gymnasium_one_line_says_what_to_install() -> None:
    program = (
        "import sys\nsys.modules['gymnasium'] = None\n"
        "try:\n    import goengine.env\n"
        "except ValueError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "goengine.env needs Gymnasium: install it with pip install 'goengine[env]'", run.stderr


class Mirror:
    """The game of an environment, replayed on a position from what the infos say was played."""

    def __init__(self, env: goengine.env.GoEnv, info: dict[str, Any]) -> None:
        self.env = env
        self.position = Position(env.batch.size, env.batch.ko, env.batch.komi)
        self.follow(info)

    def follow(self, info: dict[str, Any]) -> None:
        for action in (info["action"], info["reply"]):
            if action >= 0:
                self.position.play(None if action == self.env.batch.passing else action)


def assert_kept(env: goengine.env.GoEnv, observation: Any, info: dict[str, Any], position: Position) -> None:
    """Types, shapes and values of what reset or step returned."""
    space = env.observation_space
    assert observation in space and observation.dtype == space.dtype
    assert (observation == encode(position, env.feature_set)).all()
    mask = info["action_mask"]
    assert mask.dtype == np.int8 and mask.shape == (position.size**2 + 1,)
    assert mask[-1] == 1 and (mask[:-1] == position.legal_mask()).all()
    assert type(info["to_play"]) is int and info["to_play"] == int(position.to_play == "white")
    assert type(info["move_number"]) is int and info["move_number"] == position.move_number
    assert type(info["action"]) is int and type(info["reply"]) is int
    assert all(env.action_space.contains(np.int64(action)) for action in np.flatnonzero(mask))


@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize(("opponent", "color"), [("random", "black"), ("random", "white"), (None, "black")])
def test_types_masks_and_rewards_of_whole_games(opponent: str | None, color: str, ko: str) -> None:
    env = make(size=5, komi=0.5, ko=ko, opponent=opponent, color=color, feature_set="history12", max_moves=120)
    ends = set()
    env.action_space.seed(1)
    for game in range(4):
        observation, info = env.reset(seed=game)
        mirror = Mirror(env, info)
        assert (info["reply"] >= 0) == (color == "white") and info["action"] == -1
        assert_kept(env, observation, info, mirror.position)
        done = False
        while not done:
            mover = mirror.position.to_play
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
            mirror.follow(info)
            assert_kept(env, observation, info, mirror.position)
            assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
            assert opponent is None or mover == color
            done = terminated or truncated
            assert ("score" in info) == ("ended_by" in info) == done
            assert done or reward == 0
        assert info["score"] == mirror.position.area_score()
        assert terminated == (mirror.position.passes >= 2)
        assert truncated == (not terminated and mirror.position.move_number >= 120)
        assert info["ended_by"] == ("passes" if terminated else "limit")
        won = (info["score"] > 0) == (mover == "black")
        assert reward == ((1.0 if won else -1.0) if terminated else 0.0)
        ends.add(info["ended_by"])
    assert "passes" in ends


@pytest.mark.parametrize(
    ("moves", "reward"),
    [
        ((81, 81), 1.0),  # White passes last, and komi wins for White
        ((40, 81, 81), 1.0),  # Black passes last, and the board is Black's
        ((40, 0, 81, 81), 1.0),  # White passes last; a stone each, and komi
        ((81, 0, 81, 81), 1.0),  # White passes last, and the board is White's
        ((40, 0, 1, 81, 81), -1.0),  # Black passes last, and loses by komi
        ((81, 0, 9, 81, 81), -1.0),
    ],
)
def test_the_reward_without_an_opponent_is_for_who_acted(moves: tuple[int, ...], reward: float) -> None:
    env = make(opponent=None)
    env.reset()
    steps = [env.step(action) for action in moves]
    assert [step[1] for step in steps] == [0.0] * (len(moves) - 1) + [reward], steps[-1][-1]
    assert steps[-1][2]


def test_a_draw_brings_nothing() -> None:
    env = make(size=3, komi=9, opponent=None)
    env.reset()
    rewards = [env.step(action)[1] for action in (4, 9, 9)]
    assert rewards == [0.0, 0.0, 0.0]
    _, info = env.reset()
    assert info["move_number"] == 0 and info["to_play"] == 0


def test_the_same_seed_brings_the_same_games() -> None:
    def play(seed: int) -> list[tuple[int, int]]:
        env = make(color="random")
        env.action_space.seed(3)
        _, info = env.reset(seed=seed)
        moves = [(info["action"], info["reply"])]
        for _ in range(25):
            _, _, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
            moves.append((info["action"], info["reply"]))
            if terminated or truncated:
                _, info = env.reset()
        return moves

    assert play(5) == play(5)
    assert len({tuple(play(seed)) for seed in range(4)}) == 4


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("opponent", ["random", None])
def test_a_copy_looks_ahead_and_changes_nothing(opponent: str | None, copied: Any) -> None:
    env = make(size=5, opponent=opponent)
    env.reset(seed=4)
    env.step(12)
    ahead = copied(env)
    assert isinstance(ahead, goengine.env.GoEnv)
    seen = [ahead.step(action) for action in (25, 0)]
    for (observation, *rest), action in zip(seen, (25, 0), strict=True):
        now, *others = env.step(action)
        assert (now == observation).all() and others[:3] == rest[:3]


def test_unseeded_games_differ() -> None:
    assert len({make(color="white").reset()[1]["reply"] for _ in range(12)}) > 1
    env = make(color="random")
    assert {env.reset()[1]["move_number"] for _ in range(30)} == {0, 1}  # both colours


def test_illegal_actions_raise_and_change_nothing() -> None:
    env = make(opponent=None, illegal="raise")
    env.reset()
    before = env.step(40)[0]
    with pytest.raises(IllegalMove, match="^white E5: there is a stone already"):  # noqa: RUF043
        env.step(40)
    observation, _, terminated, _, info = env.step(81)
    assert not terminated and info["move_number"] == 2
    assert (observation[0] == before[1]).all()


def test_illegal_actions_lose() -> None:
    env = make(color="white")
    _, info = env.reset(seed=1)
    _, reward, terminated, truncated, after = env.step(info["reply"])
    assert (reward, terminated, truncated) == (-1.0, True, False)
    assert after["ended_by"] == "illegal" and after["action"] == after["reply"] == -1
    assert after["move_number"] == 1
    with pytest.raises(ActionError, match=r"the game is over: call reset\(\) first"):
        env.step(81)
    env.reset()
    env.step(81)


def test_illegal_actions_are_resampled() -> None:
    env = make(illegal="resample", opponent=None)
    env.reset(seed=1)
    env.step(40)
    drawn = set()
    for _ in range(10):
        mask = env.batch.masks()[0]
        *_, info = env.step(40)
        assert mask[info["action"]] and info["action"] < 81
        drawn.add(info["action"])
    assert len(drawn) == 10


@pytest.mark.parametrize(
    "action", [82, -1, 0.0, 1.5, True, "D4", None, [3], [[1], [2, 3]], np.float32(3), np.array([1, 2])]
)
@pytest.mark.parametrize("illegal", ["raise", "lose", "resample"])
def test_what_is_no_action_raises_and_changes_nothing(action: Any, illegal: str) -> None:
    env = make(illegal=illegal)
    env.reset(seed=1)
    with pytest.raises(ActionError, match="use 0 to 81"):
        env.step(action)
    for kind in (int, np.int64, np.uint8, np.array):
        assert env.step(kind(81))[4]["action"] == 81
        env.reset()


def test_a_game_must_begin_and_ends_once() -> None:
    env = make(opponent=None)
    with pytest.raises(ActionError, match=r"the game has not begun: call reset\(\) first"):
        env.step(0)
    env.reset()
    env.step(81)
    assert env.step(81)[2]
    with pytest.raises(ActionError, match=r"the game is over: call reset\(\) first"):
        env.step(81)
    env.reset()
    env.step(0)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"size": 26}, "board size 26 is not possible"),
        ({"ko": "basic"}, "unknown ko rule 'basic'"),
        ({"opponent": "gnugo"}, "unknown opponent 'gnugo': use 'random', 'network'"),
        ({"opponent": 3}, "opponent 3 is none"),
        ({"opponent": "gtp: "}, "gtp: names no command"),
        ({"opponent": "gtp:gnugo 'x"}, "gtp:gnugo 'x is no command line: No closing quotation"),
        ({"color": "red"}, "unknown color 'red': use black, white, random"),
        ({"opponent": None, "color": "white"}, "color='white' needs an opponent"),
        ({"illegal": "ignore"}, "illegal='ignore' is not possible: use raise, lose, resample"),
        ({"feature_set": "planes"}, "unknown feature set 'planes'"),
        ({"max_moves": 0}, "max_moves 0 is not possible"),
        ({"temperature": -1}, "temperature -1 is out of range"),
        ({"opponent_timeout": 0}, "opponent_timeout 0 is not possible"),
    ],
)
def test_settings_that_do_not_exist(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(GoEngineError, match=complaint):
        make(**settings)


def test_render_modes() -> None:
    env = make(render_mode="ansi", opponent=None, size=5)
    env.reset()
    position = Position(5)
    for action in (7, 12, 20, 25, 4, 24):
        env.step(action)
        position.play(None if action == 25 else action)
        if action != 25:
            assert env.render() == str(position)
    picture = make(render_mode="rgb_array")
    picture.reset()
    assert picture.render().shape == (11 * 28, 11 * 28, 3)
    with pytest.raises(GoEngineError, match="unknown render_mode 'human'"):
        goengine.env.GoEnv(render_mode="human")


def test_pictures_show_stones_the_last_move_and_star_points() -> None:
    stones = np.zeros((19, 19), np.int8)
    stones[3, 3], stones[0, 18], stones[18, 0] = 1, -1, -1
    image = board_image(stones, 3 * 19 + 3).astype(int)
    assert image.shape == (588, 588, 3) and image.min() >= 0

    def near(row: int, col: int, down: int = 0, right: int = 0) -> int:
        return int(image[42 + 28 * row + down, 42 + 28 * col + right].sum())

    assert near(3, 3, 8, 8) < 200 < 600 < near(3, 3, 7, 0)  # black, and a light ring on it
    assert near(0, 18) > 700 and near(18, 0) > 700
    wood = near(1, 1, 10, 10)
    assert 350 < wood < 600
    assert near(15, 15, 2, 2) < 200 < wood - 100  # a star point beside the lines
    assert near(14, 14, 2, 2) > 350
    assert abs(near(1, 1, 0, 14) - near(14, 14, 14, 0)) < 60 and near(1, 1, 0, 14) < 200  # lines
    assert (board_image(stones) != image).any(axis=2).sum() > 50  # the ring
    for size in (2, 7, 9, 13, 25):
        assert board_image(np.zeros((size, size), np.int8), cell=12).shape == (12 * (size + 2), 12 * (size + 2), 3)


def test_text_marks_no_pass() -> None:
    assert "(" not in board_text(np.ones((3, 3), np.int8), 9) + board_text(np.ones((3, 3), np.int8), -1)
