import os

from attack import in_child, leave, system_call


def make(name, *arguments):
    def action():
        try:
            print("made", name, system_call(name, *arguments))
        except OSError as error:
            print("refused", name, error.errno)

    return action


leave("after.txt")
for name, arguments in {
    "shmget": (0, 1 << 20, 0o1666),
    "semget": (0, 250, 0o1666),
    "msgget": (0, 0o1666),
    "mq_open": (b"q", 0o102, 0o666, None),
}.items():
    in_child(make(name, *arguments))
try:
    with open("/dev/shm/fill", "wb", buffering=0) as file:
        for _ in range(96):  # the volume has 64 MiB
            file.write(bytes(1 << 20))
    print("holds 96 MiB")
except OSError as error:
    print("filled", error.errno)
os.unlink("/dev/shm/fill")
