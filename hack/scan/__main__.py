"""`make scan`: checkov and kube-score over the rendered chart and over every golden Pod.

What they object to fails the scan, unless accepted.yaml says why it is right. What
is accepted there and no longer objected to fails it too, so that the list stays short.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from scan.findings import Accepted, Finding, judge, of_checkov, of_kube_score
from scan.programs import HERE, ScanError, program

ROOT = HERE.parents[1]
CHART = ROOT / "charts" / "fumehood"
PODS = ROOT / "tests" / "golden" / "pods"
CHECKOV = ROOT / ".venv" / "scan" / "bin" / "checkov"
OPTIONAL = ("container-seccomp-profile", "container-memory-requests-equal-limits")


def main() -> int:
    """Return the exit code: 1 if a judge objects."""
    accepted = yaml.safe_load((HERE / "accepted.yaml").read_text())
    judges: dict[str, Callable[[Path], list[Finding]]] = {"checkov": checkov, "kube-score": kube_score}
    good = True
    with tempfile.TemporaryDirectory() as folder:
        try:
            count = render(Path(folder))
            for name, ask in judges.items():
                new, stale = judge(ask(Path(folder)), [Accepted(**entry) for entry in accepted[name]])
                for finding in new:
                    print(f"{name}: {finding.rule} {finding.subject}: {finding.words}")
                for entry in stale:
                    print(f"{name}: {entry.rule} {entry.subject} is accepted, and nobody objects to it any more")
                good &= not new and not stale
        except ScanError as error:
            print(f"scan: {error}", file=sys.stderr)
            return 1
    print(f"== scan: {', '.join(judges)} over {count} files: {'nothing new' if good else 'see above'}")
    return 0 if good else 1


def render(folder: Path) -> int:
    """Write the chart, by each of its sets of values, and the golden Pods into `folder`; return how many files."""
    for values in sorted((CHART / "ci").glob("*.yaml")):
        command = ["helm", "template", "fumehood", str(CHART), "--namespace", "fumehood-system", "--values", str(values)]
        (folder / f"chart-{values.name}").write_text(_output(command))
    for pod in sorted(PODS.glob("*/expected.yaml")):
        (folder / f"pod-{pod.parent.name}.yaml").write_text(pod.read_text())
    return len(list(folder.iterdir()))


def checkov(folder: Path) -> list[Finding]:
    """Ask checkov, which needs no network for this."""
    command = [str(CHECKOV), "--framework", "kubernetes", "--skip-download", "--compact", "--quiet", "--soft-fail", "-o", "json"]
    return of_checkov(json.loads(_output([*command, "--directory", str(folder)])))


def kube_score(folder: Path) -> list[Finding]:
    """Ask kube-score about each file by itself: the chart's variants have objects of the same names."""
    options = [word for test in OPTIONAL for word in ("--enable-optional-test", test)]
    command = [str(program("kube-score")), "score", "--output-format", "json", *options]
    return [
        finding
        for path in sorted(folder.iterdir())
        for finding in of_kube_score(json.loads(_output([*command, str(path)], fails=1)))  # 1: it objects
    ]


def _output(command: list[str], fails: int = 0) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ScanError(f"there is no {command[0]}") from None
    if done.returncode not in (0, fails):
        raise ScanError(f"{Path(command[0]).name} failed:\n{done.stderr[-2000:] or done.stdout[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
