import os
import time

for number in range(48):  # 192 MiB where nothing stops it
    folder = ("/tmp", os.environ["HOME"], "/outputs")[number % 3]
    with open(f"{folder}/{number}", "wb") as file:
        file.write(b"x" * (4 << 20))
    time.sleep(0.02)
time.sleep(5)
