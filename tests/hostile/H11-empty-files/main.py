import os
import time

for folder in range(20):
    os.mkdir(f"/outputs/{folder}")
    for number in range(1000):
        open(f"/outputs/{folder}/{number}", "w").close()
time.sleep(5)
