import os

from attack import leave

leave("before.txt")
for _ in range(1024):
    os.write(1, b"x" * (64 << 10))
