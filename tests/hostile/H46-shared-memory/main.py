import mmap
import os
import time

from attack import leave

leave("before.txt")
hoard = []
for number in range(128):
    if number % 2:
        area = mmap.mmap(-1, 4 << 20, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        area[:] = bytes([1]) * len(area)
        hoard.append(area)
    else:
        descriptor = os.memfd_create("hoard")
        os.write(descriptor, bytes([1]) * (4 << 20))
        hoard.append(descriptor)
    time.sleep(0.05)
time.sleep(20)
