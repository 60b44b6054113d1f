"""Where things are inside the Pod, and what they are called. Container names and paths are contract."""

from __future__ import annotations

PAYLOAD = "/opt/fumehood"
INTERPRETER = (
    f"{PAYLOAD}/lib/ld.so",
    "--library-path",
    f"{PAYLOAD}/lib",
    f"{PAYLOAD}/bin/python3",
    "-I",
    "-S",
    "-B",
    "-m",
    "fumehood_sandbox",
)
ORDER_DIR = "/run/fumehood"
ORDER_FILE = "order.json"
WORK, INPUTS, OUTPUTS, TMP, HOME = "/work", "/inputs", "/outputs", "/tmp", "/home/analyst"
PARAMETERS = "parameters.json"
PREVIEWS = ".previews"  # below OUTPUTS: NAME.png or NAME.json for the artifact NAME
TERMINATION_LOG = "/dev/termination-log"
COLLECTOR, ANALYSIS, PROBE = "collector", "analysis", "probe"
PORT = 7117
MANIFEST_NAME = "manifest.json"
OBJECT_DIR = "sha256/"
EPOCH = 315_532_800  # 1980-01-01: the date of all that is staged, and the first that a zip archive can tell
