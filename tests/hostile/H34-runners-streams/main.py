import os

from attack import attempt


def write(path):
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, b"past" + b" the pipe\n")


for path in ("/proc/1/fd/1", "/proc/1/fd/2", "/proc/1/mem", "/proc/1/oom_score_adj", "/proc/1/attr/current", "/proc/1/clear_refs"):
    attempt(path, lambda: write(path))
try:
    print("numbers", os.listdir("/proc/1/fd"))
except OSError:
    print("refused /proc/1/fd")
attempt("/proc/1/map_files", lambda: os.listdir("/proc/1/map_files"))
attempt("/proc/1/root", lambda: os.listdir("/proc/1/root/"))
attempt("/proc/1/cwd", lambda: os.listdir("/proc/1/cwd/"))
