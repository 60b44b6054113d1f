import os

from attack import leave

for name in ("locked.txt", "folder/inside.txt", "deep/er/inside.txt"):
    leave(name)
# The runner, which owns them, opens them when all processes are gone; the collector changes nothing.
for name in ("locked.txt", "folder/inside.txt", "folder", "deep/er/inside.txt", "deep/er", "deep"):
    os.chmod("/outputs/" + name, 0)
