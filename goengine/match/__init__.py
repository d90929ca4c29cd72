"""Matches between GTP programs: what gtp/match.py is made of.

clock       time settings, and how much time a player has left
openings    where the games begin: corner points, random moves, a network's, SGF files
programs    starting a program, and how to talk to it about a position and time
referee     who counts the final position, and what a score looks like
game        one game between two programs that are kept running
folder      the files of a match, so that it can be gone on with
elo         intervals, Elo differences, ratings of several programs
report      the result table, as text and as JSON
"""
