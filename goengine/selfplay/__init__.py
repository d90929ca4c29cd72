"""Games of networks against each other, by the thousand: many at once, one evaluation a ply for all of them.

games    the games, and the class that plays them
ending   what is still worth playing, so that games end, and end right
results  what the games say of the players
folder   the files of a collection of games: log, SGF, shards; gone on with after any cut

No torch here: the networks bring it.
"""

from goengine.selfplay.games import Game, Played, Sampling, SelfPlay, Turn

__all__ = ["Game", "Played", "Sampling", "SelfPlay", "Turn"]
