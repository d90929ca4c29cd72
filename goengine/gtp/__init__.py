"""The Go Text Protocol: a GUI, a server or a tournament talks to the engine in lines of text.

protocol    lines, ids, comments, failures: a table of handlers, nothing of Go
session     the game and the player, nothing of text
handlers    the table: arguments in, text out, between the two
startup     loading numba, torch and the network behind the first answers; guarding stdout
client      the other side: a GTP program as a child process
"""
