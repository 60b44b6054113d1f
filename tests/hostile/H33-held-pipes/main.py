import os
import time

from attack import leave

if os.fork() == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)
os.close(1)
os.close(2)
time.sleep(0.5)
leave("after.txt")
os._exit(0)
