import subprocess
import sys
import threading

from attack import all_apart, system_call

thread = threading.Thread(target=int)
thread.start()
thread.join()
subprocess.run([sys.executable, "-c", "pass"], check=True)
print("works", flush=True)
all_apart(
    {
        "io_uring": lambda: system_call("io_uring_setup", 1, bytearray(120)),
        "clone3": lambda: system_call("clone3", bytearray(88), 88),
        "setns": lambda: system_call("setns", 0, 0x10000000),
        "mount": lambda: system_call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "keyctl": lambda: system_call("keyctl", 0, -3, 1),
        "bpf": lambda: system_call("bpf", 0, bytearray(128), 128),
        "userfaultfd": lambda: system_call("userfaultfd", 0),
        "perf": lambda: system_call("perf_event_open", bytearray(128), 0, -1, -1, 0),
        "unshare": lambda: system_call("unshare", 0x10000000),
    }
)
