"""Opponents: networks in one game and in many, GTP programs that play, die, hang and cheat, and one's own."""

from __future__ import annotations

import copy
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from fake_network import FakeNetwork
from gymnasium.utils.env_checker import check_env
from tiny_network import write_tiny_network

import goengine.env
from goengine.batch import GoBatch
from goengine.env.opponents import NetworkOpponent, Opponent, RandomOpponent
from goengine.errors import ActionError, GoEngineError, NetworkFileError, OpponentError
from goengine.match.programs import find_gnugo
from goengine.rules import Position

FAKE = Path(__file__).with_name("fake_gtp_program.py")
GNUGO = find_gnugo()


def make(opponent: str | Opponent, **settings: Any) -> goengine.env.GoEnv:
    env = gymnasium.make("goengine/Go-v0", **{"size": 9, "opponent": opponent, **settings}).unwrapped
    assert isinstance(env, goengine.env.GoEnv)
    return env


def fake(fault: str = "", **settings: Any) -> goengine.env.GoEnv:
    return make(f"gtp:{sys.executable} {FAKE} {fault}", **settings)


# GTP programs


def test_a_program_plays_a_whole_game() -> None:
    env = fake(color="white")
    for _ in range(2):  # one process plays game after game
        _, info = env.reset()
        replies = [info["reply"]]
        for action in (80, 79, 78, 77, 76):
            *_, info = env.step(action)
            replies.append(info["reply"])
        assert replies == [0, 1, 2, 3, 4, 5]
        *_, info = env.step(81)
        assert info["reply"] == 81 and info["ended_by"] == "passes"
    env.close()
    env.close()


def test_a_program_that_resigns_has_lost() -> None:
    env = fake("resign")
    env.reset()
    env.step(0)
    env.step(1)
    _, reward, terminated, truncated, info = env.step(2)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info["ended_by"] == "resignation" and info["reply"] == -1
    env.close()


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("crash", r"^opponent \S+: ended with status 3 at 'genmove w' \(the roof fell in\); reset\(\) starts it anew$"),
        ("hang", "no answer to 'genmove w' within 0.5 s"),
        ("illegal", "plays 'A9': white A9: there is a stone already"),
        ("nonsense", "plays 'Q99': 'Q99' is off the 9x9 board"),
        ("fails", "genmove w: cannot think"),
        ("noise", "answered 'genmove w' with what is no GTP"),
    ],
)
def test_a_program_that_fails_ends_the_game_and_can_be_reset(fault: str, complaint: str) -> None:
    env = fake(fault, opponent_timeout=0.5 if fault == "hang" else 30.0)
    for _ in range(2):
        env.reset()
        assert env.step(0)[4]["reply"] == 80
        assert env.step(1)[4]["reply"] == 79
        with pytest.raises(OpponentError, match=complaint):
            env.step(2)
        with pytest.raises(ActionError, match=r"cut short, for the opponent failed: call reset\(\) first"):
            env.step(3)
    env.close()


def test_a_program_that_was_closed_is_started_by_a_reset() -> None:
    env = fake()
    env.reset()
    env.close()
    with pytest.raises(OpponentError, match=r"^opponent .* was closed; reset\(\) starts it anew$"):
        env.step(0)
    env.reset()
    assert env.step(0)[4]["reply"] == 80
    env.close()


def test_a_program_cannot_be_copied_as_it_plays() -> None:
    env = fake()
    copied = copy.deepcopy(env)
    env.reset()
    with pytest.raises(OpponentError, match=r"^a GTP program cannot be copied as it plays"):
        copy.deepcopy(env)
    assert env.step(0)[4]["reply"] == 80
    env.close()
    copied.reset()
    assert copied.step(0)[4]["reply"] == 80
    copied.close()


def test_a_program_that_is_not_there() -> None:
    env = make("gtp:/nowhere/gnugo --mode gtp")
    with pytest.raises(OpponentError, match="cannot be started: No such file or directory: /nowhere/gnugo"):
        env.reset()
    with pytest.raises(ActionError, match="could not begin"):
        env.step(0)


def test_an_environment_that_is_forgotten_ends_its_program() -> None:
    env = fake()
    env.reset()
    opponent: Any = env.games.opponent
    process = opponent._client._process
    del env, opponent
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is not None


@pytest.mark.slow
@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")
def test_games_against_gnugo() -> None:
    env = make(f"gtp:{GNUGO} --mode gtp --level 1 --chinese-rules", size=7, color="random", illegal="raise")
    env.action_space.seed(1)
    rewards = []
    for game in range(4):
        _, info = env.reset(seed=game)
        done = False
        while not done:
            _, reward, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
            done = terminated or truncated
        rewards.append(reward)
    assert rewards.count(-1.0) >= 3
    env.close()


# networks


@pytest.fixture(scope="module")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_network(tmp_path_factory.mktemp("network"))


def test_a_network_file_plays(network_file: Path) -> None:
    env = make(f"network:{network_file}", color="white")
    check_env(env)
    _, info = env.reset(seed=1)
    again = make(f"network:{network_file}", color="white").reset(seed=2)[1]
    assert info["reply"] == again["reply"]  # the likeliest move


def test_a_network_plays_on_another_board(network_file: Path) -> None:
    env = make(f"network:{network_file}", size=5, color="white")
    check_env(env)
    assert env.reset(seed=1)[1]["reply"] < 25


def test_networks_that_do_not_fit(network_file: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError, match="is fully connected: it plays 9x9 only"):
        make(f"network:{write_tiny_network(tmp_path, architecture='fully_connected')}", size=13)
    with pytest.raises(NetworkFileError):
        make(f"network:{tmp_path / 'missing.safetensors'}")


def test_the_bundled_network_answers_at_the_other_side_of_an_empty_board() -> None:
    env = make("network", size=19)
    env.reset(seed=1)
    *_, info = env.step(3 * 19 + 3)
    row, col = divmod(info["reply"], 19)
    assert row in (2, 3, 15, 16) and col in (2, 3, 15, 16)  # a corner


def fake_network_games(games: int, **settings: Any) -> tuple[GoBatch, NetworkOpponent]:
    network: Any = FakeNetwork(5, favourites=(12, 7, 8))
    return GoBatch(games, 5), NetworkOpponent(network, **settings)


def reply(batch: GoBatch, opponent: NetworkOpponent, skip: tuple[bool, ...] | None = None) -> list[int]:
    played, resigned = opponent.reply(batch, np.array(skip or (False,) * batch.games))
    assert not resigned.any()
    return [int(action) for action in played]


def test_a_network_plays_its_favourite_legal_move_in_each_game() -> None:
    batch, opponent = fake_network_games(3)
    batch.play([12, 7, 0])
    assert reply(batch, opponent, (False, True, False)) == [7, -1, 12]
    assert batch.plies.tolist() == [2, 1, 2]


def test_a_network_answers_a_pass_with_a_pass_when_it_is_ahead() -> None:
    batch, opponent = fake_network_games(1)
    batch.play([25])
    assert reply(batch, opponent) == [25]  # White is ahead by komi
    batch, opponent = fake_network_games(1)
    for action in (0, 12, 24, 25):
        batch.play([action])
    assert reply(batch, opponent) == [7]  # Black is behind by komi and plays on
    batch, opponent = fake_network_games(1)
    for action in (0, 25):
        batch.play([action])
    assert reply(batch, opponent) == [25]  # all is Black's


def test_a_network_fills_no_eye_and_passes_at_the_end() -> None:
    batch, opponent = fake_network_games(1)
    position = Position(5, "positional")
    for _ in range(200):
        sensible = position.sensible_mask()
        ahead = position.passes and (position.area_score() > 0) == (position.to_play == "black")
        (action,) = reply(batch, opponent)
        if action == 25:
            assert ahead or not sensible.any()
        else:
            assert sensible[action]
        position.play(None if action == 25 else action)
        if position.passes == 2:
            break
    assert batch.ends()[0].all()


def test_temperature_draws_moves_as_likely_as_the_network_says() -> None:
    def shares(temperature: float) -> np.ndarray:
        batch, opponent = fake_network_games(3000, temperature=temperature)
        return np.bincount(reply(batch, opponent), minlength=26) / 3000

    batch, opponent = fake_network_games(1)
    policy = opponent.network.policy(batch.words(), 1, batch.masks()[:, :-1].astype(bool))[0]
    plain, sharp = shares(1.0), shares(0.5)
    assert abs(plain[:25] - policy).max() < 0.04
    assert abs(sharp[:25] - policy**2 / (policy**2).sum()).max() < 0.04
    assert (shares(1.0) == plain).all()  # the seeds are the same


def test_a_network_plays_many_games_at_once() -> None:
    network: Any = FakeNetwork(5)
    envs = gymnasium.make_vec(
        "goengine/Go-v0", 4, size=5, opponent=NetworkOpponent(network, temperature=1.0), color="random"
    )
    _, infos = envs.reset(seed=1)
    ended = 0
    for _ in range(80):
        actions = [int(np.random.default_rng(1).choice(np.flatnonzero(mask))) for mask in infos["action_mask"]]
        *_, terminated, truncated, infos = envs.step(actions)
        ended += int(terminated.sum() + truncated.sum())
    assert ended > 3


# one's own


def test_any_object_with_the_methods_can_be_the_opponent() -> None:
    class FirstLegal:
        """Plays the first legal action."""

        heard_actions: list[int]

        def begin(self, batch: GoBatch, which: np.ndarray, colors: np.ndarray) -> None:
            self.heard_actions = []

        def heard(self, batch: GoBatch, actions: np.ndarray, skip: np.ndarray) -> None:
            self.heard_actions.append(int(actions[0]))

        def reply(self, batch: GoBatch, skip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return batch.play(batch.masks().argmax(axis=1), skip), np.zeros(batch.games, bool)

        def close(self) -> None:
            pass

    opponent = FirstLegal()
    env = make(opponent)
    env.reset()
    assert [env.step(action)[4]["reply"] for action in (5, 1, 9)] == [0, 2, 3]
    assert opponent.heard_actions == [5, 1, 9]


class Faulty(RandomOpponent):
    """Answers the learner's first move, and then at the same point again, or not at all."""

    def __init__(self, plays: bool) -> None:
        self.plays, self.count = plays, 0

    def reply(self, batch: GoBatch, skip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.count += 1
        actions = np.zeros(batch.games, int)
        if self.plays or self.count == 1:
            actions = batch.play(actions, skip)
        return actions, np.zeros(batch.games, bool)


@pytest.mark.parametrize(
    ("plays", "complaint"),
    [
        (True, "the opponent plays what it may not: .*white A9: there is a stone already; reset"),
        (False, r"the opponent has not played in game 0: its reply\(\) must call play\(\)"),
    ],
)
@pytest.mark.parametrize("mode", [None, "NextStep", "SameStep"])
def test_what_the_opponent_does_wrong_is_not_taken_for_the_learners_fault(
    plays: bool, complaint: str, mode: str | None
) -> None:
    """The learner's move has been played: it may not go on with its next one as if nothing had changed."""
    settings: dict[str, Any] = {"size": 9, "opponent": Faulty(plays), "illegal": "raise"}
    if mode is None:
        one: Any = gymnasium.make("goengine/Go-v0", **settings).unwrapped
    else:
        one = gymnasium.make_vec("goengine/Go-v0", 2, autoreset_mode=mode, **settings)
    one.reset()
    one.step(5 if mode is None else [5, 5])
    with pytest.raises(OpponentError, match=complaint):
        one.step(6 if mode is None else [6, 6])
    with pytest.raises(ActionError, match=r"call reset\(\) first"):
        one.step(7 if mode is None else [7, 7])
    assert one.reset()[1]["action_mask"].all()


def test_an_opponent_is_an_object_not_its_class() -> None:
    with pytest.raises(GoEngineError, match=r"opponent RandomOpponent is a class: give an object of it"):
        make(RandomOpponent)  # type: ignore[arg-type]
