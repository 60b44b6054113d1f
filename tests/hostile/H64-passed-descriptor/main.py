import os
import socket

from attack import attempt


def receive(address):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(2)
        channel.connect(address)
        return socket.recv_fds(channel, 100, 10)


found = []
try:
    with open("/proc/net/unix") as table:
        found = [line.split()[7] for line in table.read().splitlines()[1:] if len(line.split()) > 7]
except OSError as error:
    print("refused /proc/net/unix", error.errno)
for name in found:
    attempt(name, lambda: receive("\0" + name[1:] if name.startswith("@") else name))


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if inherited := [descriptor for descriptor in range(3, 1024) if is_open(descriptor)]:
    print("ESCAPED descriptors", inherited)
print("looked")
