import os

from attack import leave

leave("before.txt")
os.close(1)
for _ in range(1_000_000):
    os.write(2, b"x")
