"""What attacks share: trying what must fail, and saying so when it works."""

import ctypes
import errno
import os
import sys

# name -> number on x86_64, aarch64
NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clock_settime": (227, 112),
    "clone3": (435, 435),
    "getpid": (39, 172),
    "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "mknodat": (259, 33),
    "mount": (165, 40),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "prlimit64": (302, 261),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "renameat2": (316, 276),
    "setns": (308, 268),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
INTEL = os.uname().machine == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)


def system_call(name, *arguments):
    """Make a system call by its number; failure is an OSError."""
    number = NUMBERS[name][0 if INTEL else 1] if isinstance(name, str) else name
    wide = [_argument(argument) for argument in arguments]
    found = libc.syscall(ctypes.c_long(number), *wide)
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found


def _argument(value):
    if isinstance(value, int):
        return ctypes.c_long(value)
    return (ctypes.c_char * len(value)).from_buffer(value) if isinstance(value, bytearray) else value


def attempt(name, action):
    """Try what must fail with an error; anything else is an escape."""
    try:
        found = action()
    except OSError as error:
        print("refused", name, errno.errorcode.get(error.errno, error.errno), flush=True)
    else:
        print("ESCAPED", name, str(found)[:200], flush=True)


def in_child(action):
    """Call `action` in a process of its own; return its wait status."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except Exception as error:
            print("BROKEN", repr(error))  # the attack itself: it proves nothing
        finally:
            sys.stdout.flush()
            os._exit(0)
    return os.waitpid(pid, 0)[1]


def apart(name, action):
    """Try in a process of its own: the kernel may end it instead of answering."""
    status = in_child(lambda: attempt(name, action))
    if os.WIFSIGNALED(status):
        print("killed", name, os.WTERMSIG(status), flush=True)


def all_apart(attempts):
    """Try each apart, then the last one here, where being ended ends the program."""
    for name, action in attempts.items():
        apart(name, action)
    attempt(name, action)


def listed(folder):
    """The names in a folder; none if it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError as error:
        print("refused", folder, error.errno)
        return []


def leave(name, content="kept"):
    """Write a file to /outputs."""
    path = os.path.join("/outputs", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)


def link(goal, name):
    """Leave a symbolic link in /outputs, where the sandbox lets it."""
    try:
        os.symlink(goal, os.path.join("/outputs", name))
    except OSError as error:
        print("refused link", errno.errorcode.get(error.errno, error.errno), flush=True)
        return False
    return True
