"""How well networks predict the moves of recorded games: what ``goengine evaluate`` and ``training/report.py`` show.

    heldout      the games to measure on, and what the records say about them: `load_games`
    evaluator    every position once, by as many threads as are wanted: `measure` says a `Report` for each network
    accuracy     that report: accuracy and loss by phase, source and rank, with intervals
    calibration  whether the probabilities are what they say
    comparison   two reports on the same positions, and the positions where they differ most
    plots        pictures of a report

The way through is the order of this table. What training needs as well lies below: losses in `goengine.metrics`,
intervals in `goengine.intervals`.
"""
