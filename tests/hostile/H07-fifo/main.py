import os

from attack import leave

leave("good.txt")
try:
    os.mkfifo("/outputs/result.json")
except OSError as error:
    print("refused fifo", error.errno)
