import json
import sys

seal = json.dumps({"version": 1, "uid": "u", "attempt": 1, "digest": "sha256:" + "0" * 64, "size": 2, "padding": "x" * 4096})
try:
    with open("/dev/termination-log", "w") as file:
        file.write(seal)
except OSError as error:
    print("refused termination-log", error.errno)
sys.exit(3)
