"""`make demo`: untrusted analyses of real data on the real cluster, checked against what must come out.

Exits 1 if anything differs: a phase, a category, a missing plot, a digest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "demo-output"
NAMESPACE = "fumehood-demo"
DEADLINE = 300.0


@dataclass(frozen=True)
class Expected:
    """What must come of one job."""

    phase: str
    category: str = ""
    reason: str = ""
    artifacts: tuple[str, ...] = ()
    message: tuple[str, ...] = ()  # what the message must contain
    silent_on: tuple[str, ...] = ("/opt/fumehood", "/usr/lib", "/usr/local", "/run/")


EXPECTED = {
    "co2-trend": Expected("Succeeded", artifacts=("monthly.csv", "summary.json", "trend.png", "trend.svg")),
    "breast-cancer": Expected("Succeeded", artifacts=("confusion.png", "metrics.json")),
    "sunspots": Expected("Succeeded", artifacts=("figures/spectrum.svg",)),
    "buggy": Expected("Failed", "USER_CODE_ERROR", "NonZeroExit", message=('table["hieght"]', "KeyError")),
    "memory-hog": Expected("Failed", "RESOURCE_LIMIT", "OutOfMemory", artifacts=("before.json",)),
    "phone-home": Expected("Failed", "SANDBOX_VIOLATION", "SystemCallRefused", message=("socket",)),
}


def main() -> int:
    """Return the exit code."""
    started = time.monotonic()
    _namespace()
    print(f"== running {len(EXPECTED)} analyses in namespace {NAMESPACE}", flush=True)
    _kubectl("delete", "analysisjobs", "--all", "--wait=true")
    _kubectl("apply", "-f", str(HERE / "jobs"))
    _kubectl("wait", "analysisjobs", "--all", "--for=condition=Finished", f"--timeout={DEADLINE:.0f}s", check=False)
    print(_kubectl("get", "analysisjobs", "-o", "wide").rstrip(), flush=True)
    jobs = {job["metadata"]["name"]: job for job in json.loads(_kubectl("get", "analysisjobs", "-o", "json"))["items"]}
    faults = [fault for name, expected in EXPECTED.items() for fault in _differences(name, jobs.get(name), expected)]
    faults += _download(jobs)
    if faults:
        print("\n== NOT as expected:", *faults, sep="\n  - ", file=sys.stderr)
        return 1
    _farewell(time.monotonic() - started)
    return 0


def _namespace() -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    subprocess.run(["kubectl", "apply", "-f", "-"], input=json.dumps(manifest), text=True, check=True, stdout=subprocess.DEVNULL)


def _differences(name: str, job: dict[str, Any] | None, expected: Expected) -> list[str]:
    if job is None:
        return [f"{name}: is not there"]
    status = job.get("status") or {}
    failure = status.get("failure") or {}
    found = {
        "phase": status.get("phase"),
        "category": failure.get("category", ""),
        "reason": failure.get("reason", ""),
        "artifacts": tuple(sorted(one["name"] for one in (status.get("result") or {}).get("artifacts") or [] if one["kind"] != "preview")),
    }
    faults = [
        f"{name}: {key} is {value!r}, not {getattr(expected, key)!r}" for key, value in found.items() if value != getattr(expected, key)
    ]
    message = failure.get("message", "")
    faults += [f"{name}: the message does not show {part!r}: {message!r}" for part in expected.message if part not in message]
    faults += [f"{name}: the message shows an internal path {part!r}: {message!r}" for part in expected.silent_on if part in message]
    return faults


def _download(jobs: dict[str, dict[str, Any]]) -> list[str]:
    print(f"\n== fetching artifacts into {OUTPUT.relative_to(ROOT)}/, verifying each digest", flush=True)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    faults = []
    for name, job in jobs.items():
        if not (job.get("status") or {}).get("result"):
            faults.append(f"{name}: has no result")
            continue
        command = [sys.executable, "-m", "fumehood", "download", name, "--namespace", NAMESPACE, "--output", str(OUTPUT.relative_to(ROOT))]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            faults.append(f"{name}: its artifacts could not be fetched and verified")
    return faults


def _farewell(seconds: float) -> None:
    print(
        f"""
== all as expected, in {seconds:.0f} s. What to try next:
  . .cluster/env                                          # kubectl, helm and the store's keys
  kubectl -n {NAMESPACE} get aj -o wide
  kubectl -n {NAMESPACE} describe aj buggy                  # the traceback, and whose failure it is
  kubectl explain analysisjob.spec.limits
  ls demo-output/co2-trend                                # plots and tables
  $EDITOR hack/demo/jobs/sunspots.yaml                    # then kubectl create your own
  make cluster-down                                       # when you are done"""
    )


def _kubectl(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["kubectl", "--namespace", NAMESPACE, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"demo: kubectl {arguments[0]} failed (exit {done.returncode})")
    return done.stdout


if __name__ == "__main__":
    if "S3_ENDPOINT" not in os.environ:
        raise SystemExit("demo: the cluster's settings are missing; run it as: make demo")
    sys.exit(main())
