"""The Go Text Protocol: a GUI, a server or a tournament talks to the engine in lines of text.

protocol    lines, ids, comments, failures: a table of handlers, nothing of Go
session     the game and the player, nothing of text
handlers    the table: arguments in, text out, between the two
analysis    the part of it that shows what the engine thinks, in Leela Zero's and KataGo's words
extensions  the part of it that single controllers use
words       what they share: words to values, errors to failures
thinking    what there is to show: moves, lines of play, who owns what; nothing of text
startup     loading numba, torch and the network behind the first answers; guarding stdout
watch       ending at once on a signal, or when nobody reads the answers
stopping    ending between two games, when a file says so
log         a file of the conversation
client      the other side: a GTP program as a child process
"""
