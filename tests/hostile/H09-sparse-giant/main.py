import os

from attack import leave

leave("good.txt")
for name in ("giant", "giant-2"):
    with open("/outputs/" + name, "wb") as file:
        os.ftruncate(file.fileno(), 4 << 30)
