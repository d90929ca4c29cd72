"""Many games of Go as one Gymnasium vector environment, on the kernels of :mod:`goengine.batch`."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from goengine.batch import GoBatch, Illegal, Mask, check_actions
from goengine.env.games import ENDS, Games, Outcome, Seat
from goengine.env.opponents import Opponent, make_opponent
from goengine.env.render import board_frame
from goengine.env.single import GoEnv, Planes, single_spaces
from goengine.errors import ActionError, GoEngineError, IllegalMove
from goengine.rules import Ko

__all__ = ["GoVectorEnv"]

Infos = dict[str, Any]


class GoVectorEnv(gymnasium.vector.VectorEnv[Planes, NDArray[np.int64], NDArray[Any]]):
    """``goengine/Go-v0`` many times over, as ``gymnasium.make_vec`` makes it.

    Game for game the same as Gymnasium's ``SyncVectorEnv`` of :class:`goengine.env.single.GoEnv` with the same seeds.

    Args:
        num_envs: how many games.
        autoreset_mode: ``"NextStep"``: the step after a game's end begins the next one, whatever its action, with
            reward 0; ``"SameStep"``: the step that ends a game begins the next one, and ``final_obs`` and
            ``final_info`` in the infos tell of the end; ``"Disabled"``: ``reset`` with ``options={"reset_mask": ...}``.
        threads: that share the games.
        size, komi, ko, opponent, color, feature_set, illegal, max_moves, temperature, opponent_timeout, render_mode:
            see :class:`goengine.env.single.GoEnv`. A GTP program cannot be the opponent here.

    Raises:
        GoEngineError: a setting does not exist or is out of range.
    """

    def __init__(
        self,
        num_envs: int = 1,
        size: int = 19,
        komi: float = 7.5,
        ko: Ko = "positional",
        opponent: str | Opponent | None = "random",
        color: Seat = "black",
        feature_set: str = "board4",
        illegal: Illegal = "lose",
        max_moves: int | None = None,
        temperature: float = 0.0,
        opponent_timeout: float = 60.0,
        render_mode: str | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int = 1,
    ) -> None:
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            modes = ", ".join(mode.value for mode in AutoresetMode)
            raise GoEngineError(f"unknown autoreset_mode {autoreset_mode!r}: use {modes}") from None
        if render_mode is not None and render_mode not in GoEnv.metadata["render_modes"]:
            raise GoEngineError(f"unknown render_mode {render_mode!r}: use ansi, rgb_array or None")
        self.metadata = {**GoEnv.metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = render_mode
        self.batch = GoBatch(num_envs, size, komi, ko, max_moves, threads)
        self.num_envs = num_envs = self.batch.games
        self.feature_set = feature_set
        self.single_observation_space, self.single_action_space = single_spaces(self.batch.size, feature_set)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.games = Games(
            self.batch, make_opponent(opponent, self.batch, temperature, opponent_timeout), color, illegal
        )
        self._over = np.ones(num_envs, np.bool_)
        self._begun = False
        self._last = np.full(num_envs, -1, np.int64)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Planes, Infos]:
        """Begin all games, or those of ``options["reset_mask"]``, bool (num_envs,).

        Args:
            seed: game i is seeded with ``seed + i``, or with its own of a sequence of seeds; None goes on, and so do
                the games that do not begin.
            options: see above.

        Raises:
            GoEngineError: as many seeds as games are needed; the mask does not fit.
            OpponentError: the opponent cannot begin.
        """
        which = self._reset_mask(options)
        self._seed(seed, which)
        self._over |= which
        replies = self.games.begin(which)
        self._over &= ~which
        self._begun = True
        self._last[which] = replies[which]
        nothing = np.full(self.num_envs, -1, np.int64)
        return self._observations(), self._infos(nothing, replies, which)

    def step(self, actions: Any) -> tuple[Planes, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Play one action in each game, and let the opponent reply.

        Args:
            actions: integers (num_envs,), 0 to ``size * size``.

        Raises:
            ActionError: nothing has begun; the actions are no integers, out of range, or not one for each game; or a
                game is over, with autoreset disabled. Nothing has changed.
            IllegalMove: an action is illegal and ``illegal`` is ``"raise"``. Nothing has changed.
            OpponentError: the opponent cannot go on; ``reset`` begins anew.
        """
        array = check_actions(actions, self.num_envs)
        if not self._begun:
            raise ActionError("the games have not begun: call reset() first")
        resetting = self._over
        if self.autoreset_mode != AutoresetMode.NEXT_STEP and resetting.any():
            raise ActionError(f"game {int(resetting.argmax())} is over: call reset() with its place in a reset_mask")
        try:
            outcome = self.games.step(array, resetting)
            replies = outcome.replies
            if resetting.any():
                replies = np.where(resetting, self.games.begin(resetting), replies)
        except (ActionError, IllegalMove):
            raise
        except BaseException:
            self._begun = False
            raise
        self._remember(outcome.actions, replies, resetting)
        over = outcome.terminated | outcome.truncated
        self._over = over
        infos: Infos = {}
        actions_played = outcome.actions
        if self.autoreset_mode == AutoresetMode.SAME_STEP and over.any():
            infos = self._begin_at_once(outcome, over)
            replies, actions_played = infos.pop("replies"), np.where(over, -1, outcome.actions)
        infos |= self._infos(actions_played, replies, np.ones(self.num_envs, np.bool_))
        if self.autoreset_mode != AutoresetMode.SAME_STEP:
            infos |= _end_infos(outcome, over)
        return self._observations(), outcome.rewards, outcome.terminated, outcome.truncated, infos

    def render(self) -> tuple[Any, ...] | None:
        """The boards, each as :meth:`GoEnv.render` shows it."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() does nothing without a render_mode: give one to gymnasium.make_vec")
            return None
        mode = self.render_mode
        boards = self.batch.boards()
        return tuple(board_frame(board, int(last), mode) for board, last in zip(boards, self._last, strict=True))

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the opponent."""
        if self.games.opponent is not None:
            self.games.opponent.close()

    def _reset_mask(self, options: dict[str, Any] | None) -> Mask:
        mask = None if options is None else options.get("reset_mask")
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        if not (isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (self.num_envs,)):
            raise GoEngineError(f"options['reset_mask'] must be a bool array of shape ({self.num_envs},)")
        if not mask.any():
            raise GoEngineError("options['reset_mask'] names no game: set at least one entry")
        if not self._begun and not mask.all():
            raise GoEngineError("the games have not begun: call reset() without a reset_mask first")
        return mask.copy()

    def _seed(self, seed: int | Sequence[int | None] | None, which: Mask) -> None:
        """Seed the games that begin as so many single environments would be."""
        if seed is None:
            if self._np_random is None:
                self.batch.seed(self.np_random.integers(2**64, size=self.num_envs, dtype=np.uint64))
            return
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int | np.integer) else list(seed)
        if len(seeds) != self.num_envs:
            raise GoEngineError(f"{len(seeds)} seeds for {self.num_envs} games: give one for each, or a single number")
        given = which & [one is not None for one in seeds]
        numbers = np.zeros(self.num_envs, np.uint64)
        for game, one in enumerate(seeds):
            if one is not None and which[game]:
                generator, number = seeding.np_random(int(one))
                numbers[game] = generator.integers(2**64, dtype=np.uint64)
                if game == 0:
                    self._np_random, self._np_random_seed = generator, number
        if self._np_random is None:
            self.np_random  # noqa: B018 (makes one)
        self.batch.seed(numbers, given)

    def _remember(self, actions: NDArray[np.int64], replies: NDArray[np.int64], begun: Mask) -> None:
        """Keep the last move of each game, for showing it."""
        last = np.where(actions >= 0, actions, np.where(begun, -1, self._last))
        self._last = np.where(replies >= 0, replies, last)

    def _begin_at_once(self, outcome: Outcome, over: Mask) -> Infos:
        """Begin the games that are over, and say how they ended."""
        observations = self._observations()
        final = np.full(self.num_envs, None, dtype=object)
        for game in np.flatnonzero(over):
            final[game] = observations[game].copy()
        final_info = self._infos(outcome.actions, outcome.replies, over) | _end_infos(outcome, over)
        replies = np.where(over, self.games.begin(over), outcome.replies)
        self._last[over] = replies[over]
        self._over = np.zeros(self.num_envs, np.bool_)
        mark = over.copy()
        return {
            **{"final_obs": final, "_final_obs": mark, "final_info": final_info, "_final_info": mark.copy()},
            "replies": replies,
        }

    def _observations(self) -> Planes:
        return self.batch.observe(self.feature_set)

    def _infos(self, actions: NDArray[np.int64], replies: NDArray[np.int64], which: Mask) -> Infos:
        """Gymnasium's form: an array for each key, and under ``_key`` which games it says something of."""
        infos: Infos = {
            "action_mask": self.batch.masks(),
            "to_play": self.batch.to_play.astype(np.int64),
            "move_number": self.batch.plies,
            "action": actions.copy(),
            "reply": replies.copy(),
        }
        if not which.all():
            for values in infos.values():
                values[~which] = 0
        return infos | {f"_{key}": which.copy() for key in infos}


def _end_infos(outcome: Outcome, over: Mask) -> Infos:
    """How the games that are over ended; nothing if none is."""
    if not over.any():
        return {}
    ended_by = np.full(len(over), None, dtype=object)
    for game in np.flatnonzero(over):
        ended_by[game] = ENDS[outcome.ended_by[game]]
    return {"score": outcome.scores, "_score": over.copy(), "ended_by": ended_by, "_ended_by": over.copy()}
