import time

from attack import leave

leave("before.txt")
end = time.monotonic() + 180
while time.monotonic() < end:
    pass
