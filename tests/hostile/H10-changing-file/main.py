import os
import time

from attack import leave

leave("log.txt", "begin\n")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with open("/outputs/log.txt", "r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(b"x" * 4096)
                file.flush()
                if file.tell() > 1 << 20:
                    os.truncate("/outputs/log.txt", 6)
    os._exit(0)
time.sleep(0.5)
