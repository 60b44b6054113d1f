import os
import signal

from attack import all_apart, in_child, leave, system_call

leave("before.txt")
attempts = {f"kill-{int(number)}": lambda number=number: os.kill(1, number) for number in signal.valid_signals()}
attempts["pidfd"] = lambda: os.pidfd_open(1)
attempts["pidfd-signal"] = lambda: system_call("pidfd_send_signal", os.open("/proc/1", os.O_RDONLY), 9, None, 0)
attempts["kill-0"] = lambda: os.kill(1, 0)
all_apart(attempts)


def kill_everyone():
    try:
        os.kill(-1, signal.SIGKILL)
    except OSError as error:
        print("refused everyone", error.errno)


in_child(kill_everyone)  # its own parent is in reach, and does not come back
