"""Slow twins, written from DESIGN.md alone: the rules and the planes in plain Python, to compare the kernels with."""
