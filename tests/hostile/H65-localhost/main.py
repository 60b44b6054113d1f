import socket

from attack import all_apart


def reach(host, port):
    return lambda: socket.create_connection((host, port), timeout=2)


all_apart(
    {f"{host} {port}": reach(host, port) for host in ("::1", "0.0.0.0") for port in (7117, 10250)} | {"7117": reach("127.0.0.1", 7117)}
)
