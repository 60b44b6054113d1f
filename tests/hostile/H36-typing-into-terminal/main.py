import fcntl
import os

from attack import all_apart


def push(descriptor, request):
    return lambda: fcntl.ioctl(descriptor, request, b"x")


def through(path):
    return lambda: fcntl.ioctl(os.open(path, os.O_RDWR), 0x5412, b"x")


all_apart(
    {
        "tty": through("/dev/tty"),
        "console": through("/dev/console"),
        "push-linux": push(0, 0x541C),
        "push-1": push(1, 0x5412),
        "push-0": push(0, 0x5412),
    }
)
