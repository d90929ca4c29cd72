"""Policy gradient by self-play: the second stage of AlphaGo's pipeline (Silver et al. 2016, Methods).

recipe    the settings of a run
learning  the learner, the pool of its earlier selves, one iteration

``training/reinforce.py`` is the loop that puts them together.
"""

from goengine.reinforce.learning import Learner
from goengine.reinforce.recipe import ReinforceRecipe

__all__ = ["Learner", "ReinforceRecipe"]
