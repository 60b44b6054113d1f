import os

from attack import leave

leave("top.txt")
os.chdir("/outputs")
depth = 0
try:
    while depth < 3000:
        os.mkdir("d")
        os.chdir("d")
        depth += 1
    open("deep.txt", "w").close()
except OSError as error:  # some kernels stop at the longest path
    print("stopped", error.errno)
print("depth", depth)
