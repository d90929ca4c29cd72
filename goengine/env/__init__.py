"""Go as a learning environment: Gymnasium's ``goengine/Go-v0``, and many games at once as arrays.

Importing this package registers the environment; ``gymnasium.make("goengine.env:goengine/Go-v0")`` imports it itself.

opponents  who plays the other colour
games      the learner's side of it: colours, replies, ends, rewards
single     one game as a Gymnasium environment
vector     many games as a Gymnasium vector environment
render     a board as text or as a picture

The games themselves are :mod:`goengine.batch`, which needs no Gymnasium.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from goengine.errors import GoEngineError

try:
    import gymnasium
except ModuleNotFoundError as _error:
    if _error.name != "gymnasium":
        raise
    raise GoEngineError("goengine.env needs Gymnasium: install it with pip install 'goengine[env]'") from None

if TYPE_CHECKING:
    from goengine.batch import GoBatch
    from goengine.env.opponents import Opponent
    from goengine.env.single import GoEnv
    from goengine.env.vector import GoVectorEnv

_HOMES = {"GoBatch": "batch", "GoEnv": "env.single", "GoVectorEnv": "env.vector", "Opponent": "env.opponents"}

__all__ = ["ENV_ID", "GoBatch", "GoEnv", "GoVectorEnv", "Opponent"]

ENV_ID = "goengine/Go-v0"

if ENV_ID not in gymnasium.registry:
    gymnasium.register(
        ENV_ID,
        entry_point="goengine.env.single:GoEnv",
        vector_entry_point="goengine.env.vector:GoVectorEnv",
    )


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'goengine.env' has no attribute {name!r}")
    return getattr(import_module(f"goengine.{_HOMES[name]}"), name)
