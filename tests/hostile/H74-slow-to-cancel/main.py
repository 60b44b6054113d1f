import os
import signal
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
end = time.monotonic() + 60
while time.monotonic() < end:
    with open("/outputs/log.txt", "a") as file:
        file.write("x")
    time.sleep(0.01)
with open("/outputs/late.txt", "w") as file:
    file.write("late")
