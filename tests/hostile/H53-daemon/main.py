import os
import signal
import time

from attack import leave

leave("log.txt")
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with open("/outputs/log.txt", "a") as file:
                    file.write("x")
                leave("done.txt")
        os._exit(0)
end = time.monotonic() + 50
while not os.path.exists("/outputs/done.txt") and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(0.5)
