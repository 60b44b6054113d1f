import os
import time

from attack import listed


def zombies():
    """Ended processes that nobody has asked for; an unreadable table counts as none."""
    found = 0
    for name in filter(str.isdigit, listed("/proc")):
        try:
            found += ") Z " in open(f"/proc/{name}/stat").read()
        except OSError:
            pass
    return found


for _ in range(10):
    for _ in range(40):
        pid = os.fork()
        if pid == 0:
            os.fork()  # whose end nobody but the first process will hear of
            os._exit(0)
        os.waitpid(pid, 0)
    end = time.monotonic() + 30
    while zombies() and time.monotonic() < end:
        time.sleep(0.05)
print("ESCAPED zombies" if zombies() else "reaped")
