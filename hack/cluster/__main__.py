"""`python3 hack/cluster VERB`: a real Kubernetes cluster for development and tests."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import providers
from checkout import this_checkout
from report import ClusterError

EPILOG = """\
examples:
  python3 hack/cluster up                      make the cluster run (the first time compiles it: 10-15 min)
  . .cluster/env && kubectl get nodes          use it
  python3 hack/cluster load image.tar          import image archives; prints their names as JSON lines
  python3 hack/cluster up --with gvisor        add gVisor and its RuntimeClass to it
  python3 hack/cluster logs kubelet            show a component's log
  python3 hack/cluster down --purge            remove it with all data

`up` repairs: repeat it after anything was killed. FUMEHOOD_AUDIT_LOG=FILE switches the API
server's audit log on. The embedded cluster needs root; `--provider kind` needs Docker instead.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="hack/cluster", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--provider", help=f"one of {', '.join(providers.PROVIDERS)} (default: the running one's)")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="make the cluster run, whatever state it is in")
    build = verbs.add_parser("build", help="compile its programs without starting any")
    for verb in (up, build):
        verb.add_argument("--with", dest="features", action="append", default=[], choices=["gvisor"], help="an extra")
    down = verbs.add_parser("down", help="stop it and leave nothing running, mounted or named")
    down.add_argument("--purge", action="store_true", help="delete its data as well")
    verbs.add_parser("status", help="show every component; status 0 only if all is well")
    load = verbs.add_parser("load", help="import image archives (docker-archive or OCI)")
    load.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    logs = verbs.add_parser("logs", help="print a component's log")
    logs.add_argument("component")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    for verb in (up, build, down, load, logs, verbs.choices["status"]):
        verb.add_argument("--provider", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return top


def act(arguments: argparse.Namespace) -> int:
    """Carry out one verb; the process's exit status."""
    provider = providers.choose(arguments.provider, this_checkout())
    if arguments.verb == "up":
        provider.up(arguments.features)
    elif arguments.verb == "build":
        provider.build(arguments.features)
    elif arguments.verb == "down":
        provider.down(arguments.purge)
    elif arguments.verb == "load":
        for line in provider.load(arguments.archives):
            print(line, flush=True)
    elif arguments.verb == "logs":
        tail = ["tail", "-n", "+1", *(["-F"] if arguments.follow else [])]
        return subprocess.run([*tail, str(provider.log(arguments.component))], check=False).returncode
    else:
        return 0 if provider.status() else 1
    return 0


def main() -> int:
    """Entry point."""
    try:
        return act(parser().parse_args())
    except ClusterError as error:
        print(f"hack/cluster: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `... status | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("hack/cluster: interrupted; `up` goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
