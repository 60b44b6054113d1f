import signal
import time

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which Python ignores
with open("/outputs/large", "wb", buffering=0) as file:
    for _ in range(32):
        file.write(b"x" * (1 << 20))
time.sleep(5)
