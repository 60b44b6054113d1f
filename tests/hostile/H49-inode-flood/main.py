import os
import time

for number in range(12_000):
    folder = ("/tmp", os.environ["HOME"], "/dev/shm")[number % 3]
    os.mkdir(f"{folder}/{number}")
time.sleep(5)
