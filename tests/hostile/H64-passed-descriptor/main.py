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
open_here = [name for name in os.listdir("/proc/self/fd") if int(name) > 2] if os.access("/proc/self/fd", os.R_OK) else []
if len(open_here) > 1:  # one is the folder's own
    print("ESCAPED descriptors", open_here)
print("looked")
