import glob
import socket

from attack import attempt


def connect(address):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(2)
        channel.connect(address)


paths = [path for pattern in ("/run/**", "/opt/fumehood/**/*.sock", "/dev/*", "/tmp/**") for path in glob.glob(pattern, recursive=True)]
for path in [
    *paths[:500],
    "/run/fumehood/collector.sock",
    "/outputs/collector.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
]:
    attempt(path, lambda: connect(path))
for name in ("fumehood", "collector", "fumehood-collector", "/run/fumehood/collector.sock", "/containerd-shim/1"):
    attempt("@" + name, lambda: connect("\0" + name))
print("looked")
