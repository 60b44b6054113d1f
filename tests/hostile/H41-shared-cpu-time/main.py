import os
import time

for _ in range(4):
    if os.fork() == 0:
        if os.fork() == 0:
            while time.process_time() < 1.2:
                pass
        os._exit(0)
for _ in range(3):
    time.sleep(60)
