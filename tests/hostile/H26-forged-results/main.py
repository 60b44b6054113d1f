import json
import os
import sys

from attack import attempt, leave

forged = json.dumps({"version": 1, "complete": True, "claim": {"ending": "Exited", "exitCode": 0}, "artifacts": []})
for name in ("manifest.json", ".collector/result.json", "sha256/forged"):
    leave(name, forged)


def forge(folder):
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/manifest.json", "w") as file:
        file.write(forged)


for folder in ("/ctl", "/run/fumehood", "/opt/fumehood", "/work", "/inputs", "/var/run/fumehood"):
    attempt(folder, lambda: forge(folder))
sys.exit(3)
