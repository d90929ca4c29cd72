"""A picture of a Go board becomes a position.

style, render, scene   boards drawn in many styles, with the truth about every point
"""
