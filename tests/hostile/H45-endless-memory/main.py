import time

from attack import leave

leave("before.txt")
hoard = []
for _ in range(128):  # 512 MiB where nothing stops it
    hoard.append(bytearray(4 << 20))
    time.sleep(0.05)  # a kernel that only watches shall have time to look
time.sleep(20)
