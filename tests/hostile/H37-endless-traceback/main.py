import sys


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


def ping(depth):
    if depth == 0:
        raise Unprintable
    pong(depth - 1)


def pong(depth):
    ping(depth)


sys.setrecursionlimit(20_000)
try:
    ping(4000)
except Unprintable as cause:
    raise ValueError("x" * (4 << 20)) from cause
