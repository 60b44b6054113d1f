"""Uploads and downloads one huge object through a real S3 store, as the collector does.

`python -m bench.objects [GiB]` with S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY, which `.cluster/env` has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fumehood.settings import StoreSettings
from fumehood.storage.s3 import S3Store, utc_now
from fumehood_sandbox import wire

PREFIX = "bench/objects/1/"
PROGRAM = Path(__file__).with_name("stream.py")
LONG = 24 * 3600.0
ROOM = 1 << 50


def order(store: S3Store, *inputs: wire.File) -> wire.Order:
    """Return an order that nothing but the store can refuse."""
    return wire.Order(
        version=wire.VERSION,
        subject=wire.Subject("bench", "objects", "objects", 1),
        environment="",
        env_version="",
        command=wire.Command((), {}),
        limits=wire.Limits(LONG, LONG, ROOM, ROOM, ROOM, 100, ROOM, 100, 100, ROOM, 100),
        deadlines=wire.Deadlines(LONG, LONG, LONG),
        permit=store.permit(PREFIX, ROOM, LONG),
        inputs=inputs,
    )


def stream(given: wire.Order, inputs: str, outputs: str) -> dict[str, Any]:
    """Do what an order says, in a process that does nothing else."""
    done = subprocess.run([sys.executable, str(PROGRAM), inputs, outputs], input=wire.encode(given), capture_output=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main(gibibytes: float) -> None:
    """Measure an upload and a download of so much, and an upload of one byte more."""
    size = int(gibibytes * (1 << 30))
    environ = {name: os.environ[f"S3_{name.upper()}"] for name in ("endpoint", "bucket", "access_key", "secret_key")}
    store = S3Store(StoreSettings(**environ), utc_now)
    with tempfile.TemporaryDirectory() as base:
        inputs, outputs = Path(base, "inputs"), Path(base, "outputs")
        inputs.mkdir()
        outputs.mkdir()
        with open(outputs / "big.bin", "wb") as file:
            file.truncate(size)
        up = stream(order(store), str(inputs), str(outputs))
        print("upload  ", json.dumps(up), flush=True)
        os.truncate(outputs / "big.bin", size + 1)
        print("plus one", json.dumps(stream(order(store), str(inputs), str(outputs))), flush=True)
        os.unlink(outputs / "big.bin")
        digest = next(iter(up["stored"])).removeprefix("sha256:")
        link = store.link(f"s3://{store.bucket}/{PREFIX}{wire.OBJECT_DIR}{digest}", LONG)
        print("download", json.dumps(stream(order(store, wire.File("big.bin", remote=link, sha256=digest)), str(inputs), str(outputs))))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
