import time

from attack import leave

leave("before.txt")
end = time.monotonic() + 90
while time.monotonic() < end:
    pass
