import os
import time

hoard = []
for number in range(24):  # 96 MiB where nothing stops it
    descriptor = os.open(f"/tmp/{number}", os.O_RDWR | os.O_CREAT, 0o600)
    os.unlink(f"/tmp/{number}")
    os.write(descriptor, b"x" * (4 << 20))
    hoard.append(descriptor)
time.sleep(30)
