"""One game of Go as a Gymnasium environment."""

from typing import Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from goengine.batch import GoBatch, Illegal
from goengine.env.games import ENDS, Games, Seat
from goengine.env.opponents import Opponent, make_opponent
from goengine.env.render import board_frame
from goengine.errors import ActionError, GoEngineError, IllegalMove
from goengine.features import feature_set as _feature_set
from goengine.rules import Ko

__all__ = ["GoEnv", "single_spaces"]

Planes = NDArray[np.uint8] | NDArray[np.int8]


def single_spaces(size: int, feature_set: str) -> tuple[spaces.Box, spaces.Discrete]:
    """The spaces of observations and actions of one game.

    Raises:
        GoEngineError: there is no such feature set.
    """
    features = _feature_set(feature_set)
    low = -1 if features.dtype is np.int8 else 0
    box = spaces.Box(low, 1, (features.planes, size, size), features.dtype)
    return box, spaces.Discrete(size * size + 1)


class GoEnv(gymnasium.Env[Planes, np.int64]):
    """``goengine/Go-v0``: one game, of which docs/environment.md has the rules, rewards, shapes and infos.

    Args:
        size: of the board, 2 to 25.
        komi: points added for White.
        ko: ``"simple"``, ``"positional"`` or ``"situational"``.
        opponent: ``"random"``, ``"network"``, ``"network:FILE"``, ``"gtp:COMMAND"``, an object with the methods of
            :class:`goengine.env.opponents.Opponent`, or None: the learner plays both colours.
        color: the learner's: ``"black"``, ``"white"`` or ``"random"``.
        feature_set: what is observed, a name of ``goengine.features.FEATURE_SETS``.
        illegal: what becomes of an illegal action: ``"lose"`` the game, ``"raise"``, or ``"resample"`` a legal one.
        max_moves: plies by both sides after which the game is truncated; None is ``2 * size * size``.
        temperature: of a network as opponent; 0 plays the likeliest move.
        opponent_timeout: seconds that a GTP program may take for an answer.
        render_mode: None, ``"ansi"`` or ``"rgb_array"``.

    Raises:
        GoEngineError: a setting does not exist or is out of range.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}  # type: ignore[misc]

    def __init__(
        self,
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
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise GoEngineError(f"unknown render_mode {render_mode!r}: use ansi, rgb_array or None")
        self.batch = GoBatch(1, size, komi, ko, max_moves)
        observation_space, self.action_space = single_spaces(self.batch.size, feature_set)
        self.observation_space = cast("spaces.Space[Planes]", observation_space)
        self.feature_set = feature_set
        self.render_mode = render_mode
        self.games = Games(
            self.batch, make_opponent(opponent, self.batch, temperature, opponent_timeout), color, illegal
        )
        self._over: str | None = "the game has not begun"
        self._seeded = False
        self._last = -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Planes, dict[str, Any]]:
        """Begin a game; with a seed, all that is random from here on follows from it.

        Raises:
            OpponentError: the opponent cannot begin.
        """
        super().reset(seed=seed)
        if seed is not None or not self._seeded:
            self.batch.seed(self.np_random.integers(2**64, size=1, dtype=np.uint64))
            self._seeded = True
        self._over = "the game could not begin"
        replies = self.games.begin(np.ones(1, np.bool_))
        self._over = None
        self._last = int(replies[0])
        return self._observation(), self._info(-1, self._last)

    def step(self, action: Any) -> tuple[Planes, float, bool, bool, dict[str, Any]]:
        """Play an action, and let the opponent reply.

        Raises:
            ActionError: the game is over or has not begun, or the action is no integer or out of range.
            IllegalMove: the action is illegal and ``illegal`` is ``"raise"``. Nothing has changed.
            OpponentError: the opponent has died, hangs, or plays illegally. The game is over; ``reset`` begins another.
        """
        if self._over is not None:
            raise ActionError(f"{self._over}: call reset() first")
        try:
            array = np.asarray(action)
        except ValueError:  # lists of different lengths
            array = np.empty(0)
        if array.ndim or array.dtype.kind not in "iu":
            raise ActionError(f"action {action!r} is not an integer: use 0 to {self.batch.passing}")
        try:
            outcome = self.games.step(array.reshape(1), np.zeros(1, np.bool_))
        except (ActionError, IllegalMove):
            raise
        except BaseException:
            self._over = "the game was cut short, for the opponent failed"
            raise
        self._last = next((int(move[0]) for move in (outcome.replies, outcome.actions) if move[0] >= 0), self._last)
        info = self._info(int(outcome.actions[0]), int(outcome.replies[0]))
        terminated, truncated = bool(outcome.terminated[0]), bool(outcome.truncated[0])
        if terminated or truncated:
            self._over = "the game is over"
            info["score"] = float(outcome.scores[0])
            info["ended_by"] = ENDS[outcome.ended_by[0]]
        return self._observation(), float(outcome.rewards[0]), terminated, truncated, info

    def render(self) -> Any:
        """The board as text (``"ansi"``) or as uint8 (height, width, 3) (``"rgb_array"``)."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() does nothing without a render_mode: give one to gymnasium.make")
            return None
        return board_frame(self.batch.boards()[0], self._last, self.render_mode)

    def close(self) -> None:
        """End the opponent's program, if it has one."""
        if self.games.opponent is not None:
            self.games.opponent.close()

    def _observation(self) -> Planes:
        planes: Planes = self.batch.observe(self.feature_set)[0]
        return planes

    def _info(self, action: int, reply: int) -> dict[str, Any]:
        return {
            "action_mask": self.batch.masks()[0],
            "to_play": int(self.batch.to_play[0]),
            "move_number": int(self.batch.plies[0]),
            "action": action,
            "reply": reply,
        }
