"""A game as a row of 16-bit codes: the form in which games are stored, shipped and replayed.

    bits 0-9   the point, row * size + col with row 0 at the top; 1023 is a pass
    bit 14     a setup or handicap stone: placed before the first move, no ply, no label
    bit 15     the colour: 0 Black, 1 White

Setup codes stand before the first move code. Two bytes a move; the largest board is 25x25 (625 points).
"""

POINT_MASK = 0x3FF
PASS = 0x3FF
SETUP = 0x4000
WHITE = 0x8000

PLANES_VERSION = 1
"""Raised when any of the 48 planes (goengine.features) comes to mean something else; shards and checkpoints name it."""
