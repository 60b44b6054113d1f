import os
import signal
import sys
import time

pid = os.fork()
if pid == 0:
    time.sleep(60)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
sys.exit(137)
