import os
import socket
import stat

from attack import attempt, leave

leave("good.txt")
try:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("/outputs/socket")
    listener.listen()
except OSError as error:
    print("refused socket", error.errno)
nodes = {"disk": (stat.S_IFBLK, 8, 0), "memory": (stat.S_IFCHR, 1, 1), "null": (stat.S_IFCHR, 1, 3)}
for name, (kind, major, minor) in nodes.items():
    attempt(name, lambda: os.mknod(f"/outputs/{name}", kind | 0o666, os.makedev(major, minor)))
