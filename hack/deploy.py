"""`make deploy`: the chart with the images and the store of the cluster that .cluster/ describes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "fumehood-system"
RELEASE = "fumehood"


def main() -> int:
    """Return the exit code."""
    values = ROOT / ".cluster" / "values.yaml"
    values.touch(mode=0o600)
    images = json.loads((ROOT / ".cluster" / "images.json").read_text())
    values.write_text(yaml.safe_dump(chart_values(images, os.environ)))
    command = ["helm", "upgrade", "--install", RELEASE, "charts/fumehood", "--namespace", NAMESPACE, "--create-namespace"]
    # CRDs that somebody applied by hand become the release's.
    command += ["--take-ownership", "--force-conflicts", "--values", str(values), "--wait", "--timeout", "3m"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(done.stdout)
        subprocess.run(["kubectl", "--namespace", NAMESPACE, "get", "pods,events"], check=False)
        return done.returncode
    print(f"== deployed: release {RELEASE} in namespace {NAMESPACE}")
    return 0


def chart_values(images: dict[str, Any], environ: Any) -> dict[str, Any]:
    """Return the chart's values for a cluster."""
    return {
        "image": _image(images["operator"]["reference"]),
        "sandboxImage": _image(images["sandbox"]["reference"]),
        "store": {
            "endpoint": environ["S3_ENDPOINT"],
            "bucket": environ["S3_BUCKET"],
            "accessKey": environ["S3_ACCESS_KEY"],
            "secretKey": environ["S3_SECRET_KEY"],
        },
        "test": {"environment": "python"},
        "environments": {
            name: {
                "image": environment["reference"],
                "adapter": environment.get("adapter", "python"),
                "envVersion": environment["envVersion"],
                "description": environment.get("description", ""),
                "maximums": {"artifacts": 2000},
                "packages": [{"name": held, "version": found} for held, found in environment.get("packages", {}).items()],
            }
            for name, environment in images["environments"].items()
        },
    }


def _image(reference: str) -> dict[str, str]:
    repository, digest = reference.split("@")
    return {"repository": repository, "digest": digest}


if __name__ == "__main__":
    sys.exit(main())
