"""The version of the package, which GTP's ``version`` answers too."""

__version__ = "0.15.0"
