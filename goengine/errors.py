"""The errors that bad input raises; each message is one line, fit to be shown to the user as it stands.

    GoEngineError (ValueError)
    ├── CoordinateError     a vertex that is not on the board
    ├── IllegalMove         a move against the rules; the position is unchanged
    ├── ActionError         an action that an environment cannot take: no integer, out of range, or after the end
    ├── OpponentError       an environment's opponent that has died, hangs, or plays illegally
    ├── RecordError         a game record or an archive of them that cannot be used
    ├── ShardError          a file of packed games that is damaged or of another version
    ├── NetworkFileError    a network file that is damaged or does not fit
    ├── ImageError          a picture, or a file or folder of them, that cannot be used
    └── RecipeError         a recipe or a setting that makes no sense

``assert`` is for our own mistakes; whatever comes from outside raises one of these, with the offending value in the
message and, where there is one, the remedy.
"""


class GoEngineError(ValueError):
    """Bad input; the message is one line that names what was bad and what to do."""


class CoordinateError(GoEngineError):
    """A vertex or point that is not on a board of this size."""


class IllegalMove(GoEngineError):
    """A move that the rules forbid; the position it was played on is unchanged."""


class ActionError(GoEngineError):
    """An action that an environment cannot take: no integer, out of range, or after the end of the game."""


class OpponentError(GoEngineError):
    """The opponent in an environment cannot go on; resetting the environment begins a game with it afresh."""


class RecordError(GoEngineError):
    """A game record, or an archive of game records, that cannot be used."""


class ShardError(GoEngineError):
    """A file of packed games that is damaged, of another version, or of another board size."""


class NetworkFileError(GoEngineError):
    """A network file that is damaged, or that does not fit what is asked of it."""


class ImageError(GoEngineError):
    """A picture, or a file or folder of pictures, that cannot be used."""


class RecipeError(GoEngineError):
    """A recipe or a setting that is unknown, misspelt or out of range."""
