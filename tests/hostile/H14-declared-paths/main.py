from attack import leave

for name in ("C:x", "...", "a/b"):
    leave(name)
