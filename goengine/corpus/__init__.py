"""Games in memory, ready to be learnt from or measured on, whether they were packed into shards or are SGF.

    games    `Corpus`: the games, and where their labels are
    loading  `load_corpus`: files and folders to a corpus
    codes    the games' move codes, in memory or left in mapped files
    mixture  which shards go together
    players  one player's games among those of others

Packing is `goengine.prepare`, the file format `goengine.shards`; batches to train on come from `goengine.dataset`.
"""

from goengine.corpus.games import BLACKS, BOTH, WHITES, Corpus, join, shuffled
from goengine.corpus.loading import check_apart, folder_source, load_corpus, source_name

__all__ = [
    "BLACKS",
    "BOTH",
    "WHITES",
    "Corpus",
    "check_apart",
    "folder_source",
    "join",
    "load_corpus",
    "shuffled",
    "source_name",
]
