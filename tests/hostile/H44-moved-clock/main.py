import os
import struct
import subprocess
import time

from attack import apart, system_call

apart("clock", lambda: system_call("clock_settime", 0, struct.pack("qq", 0, 0)))
os.environ["TZ"] = "UTC+24"
time.tzset()
subprocess.run(["date", "-s", "2000-01-01"], capture_output=True, check=False)
time.sleep(30)
