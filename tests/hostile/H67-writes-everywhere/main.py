import json
import os
import sys

from attack import attempt


def write(path):
    with open(path, "ab") as file:
        file.write(b"x")


paths = ["/x", "/etc/passwd", "/usr/bin/x", "/opt/fumehood/x", "/opt/x", "/var/x", "/run/x", "/inputs/input.txt", "/inputs/x", "/work/main.py",
         "/work/x", "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper", "/dev/x", "/dev/mem", "/root/x", "/home/x",
         os.path.dirname(json.__file__) + "/x", sys.executable, "/etc/ld.so.preload"]  # fmt: skip
for path in paths:
    attempt(path, lambda: write(path))
attempt("replace", lambda: os.rename("/work/main.py", "/work/other.py"))
attempt("remove", lambda: os.unlink("/inputs/input.txt"))
attempt("mode", lambda: os.chmod("/inputs/input.txt", 0o777))
