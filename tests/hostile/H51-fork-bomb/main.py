import os
import threading
import time

from attack import leave

leave("before.txt")
for number in range(150):
    try:
        if number % 2:
            threading.Thread(target=time.sleep, args=(15,), daemon=True).start()
        elif os.fork() == 0:
            time.sleep(15)
            os._exit(0)
    except (OSError, RuntimeError) as error:
        print("no more", number, type(error).__name__)
        time.sleep(0.1)
time.sleep(5)
