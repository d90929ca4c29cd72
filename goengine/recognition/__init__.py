"""A picture of a Go board becomes a position.

style, render, scene   boards drawn in many styles, with the truth about every point
lessons, network       what the classifier of points learns from, and its layers while it learns (PyTorch)
lattice, tilt          where the lines of a grid could be
window                 a grid's part of the picture, laid straight
classifier             the trained classifier, computed in NumPy
settle, reading        the right grid, its stones, and what is doubtful
overlay                the picture with what was read drawn over it
"""
