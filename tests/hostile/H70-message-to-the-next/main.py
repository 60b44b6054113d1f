import fcntl
import os

from attack import in_child, system_call

WORD = "fumehood-selftest"
folders = ("/tmp", "/dev/shm", os.environ["HOME"], "/outputs", "/var/tmp", "/run/lock", "/run", "/var/lock")
for folder in folders:
    if os.path.exists(f"{folder}/{WORD}"):
        print("ESCAPED a word in", folder)
    try:
        with open(f"{folder}/{WORD}", "w") as file:
            file.write(WORD)
    except OSError:
        pass


def keyring():
    for ring in (-3, -4, -5):  # of the session, of the user, of the user's sessions
        try:
            system_call("keyctl", 10, ring, b"user", WORD.encode(), 0)
            print("ESCAPED a word in keyring", ring)
        except OSError:
            pass
        try:
            system_call("add_key", b"user", WORD.encode(), WORD.encode(), len(WORD), ring)
        except OSError:
            pass


def segment():
    try:
        system_call("shmget", 0x46756D65, 4096, 0)
        print("ESCAPED a shared segment")
    except OSError:
        pass
    try:
        system_call("shmget", 0x46756D65, 4096, 0o1666)
    except OSError:
        pass


def lock():
    for path in ("/etc/passwd", "/usr/lib/os-release", "/opt/fumehood/bin/python3"):
        try:
            fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("ESCAPED a lock on", path)
        except OSError:
            pass


for action in (keyring, segment, lock):
    in_child(action)
print("looked")
