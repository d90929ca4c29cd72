"""goengine/Go-v0 many times over: the same games as Gymnasium's own vector environment, in every autoreset mode."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import goengine.env
from goengine.errors import ActionError, GoEngineError, IllegalMove


def make(num_envs: int = 3, **settings: Any) -> goengine.env.GoVectorEnv:
    envs = gymnasium.make_vec("goengine/Go-v0", num_envs=num_envs, **{"size": 5, **settings})
    assert isinstance(envs, goengine.env.GoVectorEnv)
    return envs


def assert_equal(ours: Any, theirs: Any, path: str) -> None:
    """The same types, shapes, dtypes and values, all the way down."""
    if isinstance(theirs, tuple):
        assert type(ours) is tuple and len(ours) == len(theirs), path
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(*pair, f"{path}[{number}]")
    elif isinstance(theirs, dict):
        assert set(ours) == set(theirs), path
        for key in theirs:
            assert_equal(ours[key], theirs[key], f"{path}[{key}]")
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        assert ours.shape == theirs.shape, path
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(*pair, f"{path}[{number}]")
    elif isinstance(theirs, np.ndarray):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), path
        assert (ours == theirs).all(), f"{path}: {ours} and {theirs}"
    else:
        assert type(ours) is type(theirs) and ours == theirs, path


def sample(infos: dict[str, Any], random: np.random.Generator, illegal: float = 0.0) -> np.ndarray:
    masks = infos["action_mask"]
    weights = random.random(masks.shape) * masks
    weights[:, -1] *= 0.7
    actions = weights.argmax(axis=1)
    wild = random.random(len(masks)) < illegal
    return np.where(wild, random.integers(masks.shape[1], size=len(masks)), actions)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize(
    "settings",
    [
        {"color": "random", "feature_set": "board1"},
        {"opponent": None, "ko": "situational", "feature_set": "liberties20"},
        {"color": "white", "illegal": "lose", "ko": "simple", "feature_set": "alphago48"},
        {"illegal": "resample", "max_moves": 30, "komi": 0, "threads": 2},
    ],
)
def test_games_are_those_of_gymnasiums_sync_vector_env(mode: str, settings: dict[str, Any]) -> None:
    ours = make(3, autoreset_mode=mode, **settings)
    single = {key: value for key, value in settings.items() if key != "threads"}
    theirs = gymnasium.make_vec(
        "goengine/Go-v0", 3, "sync", vector_kwargs={"autoreset_mode": AutoresetMode(mode)}, size=5, **single
    )
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"]
    random = np.random.default_rng(1)
    pair: tuple[Any, Any] = ours.reset(seed=11), theirs.reset(seed=11)
    assert_equal(*pair, "reset")
    ended = 0
    for step in range(150):
        actions = sample(pair[0][-1], random, 0.1 if "illegal" in settings else 0.0)
        pair = ours.step(actions), theirs.step(actions)
        assert_equal(*pair, f"step {step}")
        assert pair[0][0] in ours.observation_space
        ended += int(pair[0][2].sum() + pair[0][3].sum())
    assert ended > 4
    assert_equal(ours.reset(seed=[4, None, 7]), theirs.reset(seed=[4, None, 7]), "again")  # type: ignore[arg-type]
    theirs.close()
    ours.close()


def test_it_is_what_make_vec_makes() -> None:
    for mode in (None, "vector_entry_point"):
        envs = gymnasium.make_vec("goengine/Go-v0", 4, mode, size=9, opponent=None)
        assert isinstance(envs, goengine.env.GoVectorEnv)
        assert envs.num_envs == 4 and envs.single_observation_space.shape == (4, 9, 9)
    assert isinstance(gymnasium.make_vec("goengine/Go-v0", 2, "sync", size=5), gymnasium.vector.SyncVectorEnv)
    again = gymnasium.make_vec(envs.spec)  # type: ignore[arg-type]
    assert again.num_envs == 4 and again.single_action_space == envs.single_action_space


def test_the_episodes_are_counted_by_gymnasiums_wrapper() -> None:
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(make(8))
    _, infos = envs.reset(seed=2)
    random, returns = np.random.default_rng(0), []
    for _ in range(100):
        _, rewards, terminated, _, infos = envs.step(sample(infos, random))
        assert (rewards[~terminated] == 0).all()
        if "episode" in infos:
            returns += infos["episode"]["r"][infos["_episode"]].tolist()
    assert len(returns) > 8 and set(returns) == {-1.0, 0.0, 1.0}  # 0: truncated


def test_the_same_seeds_bring_the_same_games_whatever_the_threads() -> None:
    def play(threads: int, seed: int) -> np.ndarray:
        envs = make(5, threads=threads, color="random")
        _, infos = envs.reset(seed=seed)
        random, moves = np.random.default_rng(0), []
        for _ in range(60):
            *_, infos = envs.step(sample(infos, random))
            moves.append(infos["reply"])
        return np.stack(moves)

    first = play(1, 3)
    assert (first == play(3, 3)).all()
    assert (first != play(1, 4)).any()


def test_disabled_autoreset_waits_for_a_reset_mask() -> None:
    envs = make(3, opponent=None, autoreset_mode="Disabled")
    envs.reset(seed=1)
    envs.step([0, 25, 1])
    *_, terminated, truncated, infos = envs.step([1, 25, 2])
    assert terminated.tolist() == [False, True, False] and not truncated.any()
    assert infos["ended_by"].tolist() == [None, "passes", None]
    with pytest.raises(ActionError, match="game 1 is over: call reset"):
        envs.step([2, 0, 3])
    observations, infos = envs.reset(options={"reset_mask": terminated})
    assert infos["_action_mask"].tolist() == [False, True, False]
    assert observations[:, 2].sum(axis=(1, 2)).tolist() == [23, 25, 23]
    *_, infos = envs.step([2, 0, 3])
    assert infos["move_number"].tolist() == [3, 1, 3]


@pytest.mark.parametrize("seed", [7, [7, 123, 9], [None, 123, 9]])
def test_seeds_are_for_the_games_that_begin(seed: Any) -> None:
    """The opponent draws its replies from a game's random numbers: those of a game under way go on."""
    played = []
    synced: Any = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": AutoresetMode.DISABLED}}
    for how in ({"autoreset_mode": "Disabled"}, synced):
        envs = gymnasium.make_vec("goengine/Go-v0", 3, size=9, **how)
        envs.reset(seed=5)
        infos = [envs.step([3, 4, 5])[-1]]
        infos.append(envs.reset(seed=seed, options={"reset_mask": np.array([True, False, False])})[1])
        infos += [envs.step([action] * 3)[-1] for action in (10, 80)]
        played.append([info["reply"].tolist() for info in infos])
        envs.close()
    assert played[0] == played[1]


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [
        (np.zeros(3, bool), "names no game"),
        (np.ones(2, bool), r"must be a bool array of shape \(3,\)"),
        (np.ones(3), "must be a bool array"),
        ([True, True, True], "must be a bool array"),
    ],
)
def test_reset_masks_that_do_not_fit(mask: Any, complaint: str) -> None:
    envs = make(3)
    envs.reset()
    with pytest.raises(GoEngineError, match=complaint):
        envs.reset(options={"reset_mask": mask})


def test_bad_actions_change_nothing() -> None:
    envs = make(3, opponent=None, illegal="raise")
    with pytest.raises(ActionError, match="the games have not begun"):
        envs.step([0, 0, 0])
    envs.reset()
    envs.step([0, 1, 2])
    for actions, complaint in (
        ([3, 4, 26], "game 2: action 26 is out of range: use 0 to 25"),
        ([3, -1, 4], "game 1: action -1 is out of range"),
        ([3.0, 4.0, 5.0], "must be integers, not float64"),
        ([3, 4], r"must have the shape \(3,\)"),
        (3, r"must have the shape \(3,\)"),
        ([[3], [4, 5], [6]], r"must have the shape \(3,\)"),
    ):
        with pytest.raises(ActionError, match=complaint):
            envs.step(actions)
    with pytest.raises(IllegalMove, match="game 1: white B5: there is a stone already"):
        envs.step([3, 1, 4])
    assert envs.step([3, 4, 5])[4]["move_number"].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"autoreset_mode": "sometimes"}, "unknown autoreset_mode 'sometimes': use NextStep, SameStep, Disabled"),
        ({"num_envs": 0}, "games 0 is not possible"),
        ({"threads": 0}, "threads 0 is not possible"),
        ({"opponent": "gtp:gnugo --mode gtp"}, "one game at a time: use vectorization_mode='sync' or 'async'"),
        ({"render_mode": "human"}, "unknown render_mode 'human'"),
    ],
)
def test_settings_that_do_not_exist(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(GoEngineError, match=complaint):
        make(**settings)


def test_seeds_must_fit() -> None:
    with pytest.raises(GoEngineError, match="2 seeds for 3 games"):
        make(3).reset(seed=[1, 2])


def test_boards_are_rendered() -> None:
    envs = make(2, render_mode="ansi", opponent=None)
    envs.reset()
    envs.step([0, 24])
    first, second = envs.render() or ()
    assert "5 (X)" in first and ".(X)1" in second
    pictures = make(2, render_mode="rgb_array")
    pictures.reset()
    assert [frame.shape for frame in pictures.render() or ()] == [(196, 196, 3)] * 2
