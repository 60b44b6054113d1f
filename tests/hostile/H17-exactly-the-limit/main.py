from attack import leave

for name, size in {"a": 1001, "b": 600, "c": 400, "d": 1}.items():
    leave(name, name.encode() * size)
