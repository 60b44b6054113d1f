"""The Debian packages that the node needs; installed when missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from report import ClusterError, say

# Package -> a file that shows that it is there, however it came.
NEEDED = {
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iptables": "iptables",
    "nftables": "nft",
    "ipset": "ipset",
    "iproute2": "ip",
    "conntrack": "conntrack",
    "socat": "socat",
    "openssl": "openssl",
    "util-linux": "nsenter",
    "mount": "mount",
    "gcc": "gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "libseccomp-dev": "/usr/include/seccomp.h",
    "pkg-config": "pkg-config",
    "mmdebstrap": "mmdebstrap",
    "buildah": "buildah",
}


def present(evidence: str) -> bool:
    """Whether a file (absolute) or a program (searched for) is there."""
    if evidence.startswith("/"):
        return Path(evidence).exists()
    return shutil.which(evidence, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def missing() -> list[str]:
    """Packages of which no evidence is found."""
    return [package for package, evidence in NEEDED.items() if not present(evidence)]


def ensure() -> None:
    """Install what is missing; refresh the package lists only when the first try fails."""
    wanted = missing()
    if not wanted:
        return
    names = " ".join(wanted)
    if shutil.which("apt-get") is None:
        raise ClusterError(f"these programs are missing: {names}", "install them; only Debian's are known by name")
    say(f"installing Debian packages: {names}")
    failure = _install(wanted)
    if failure and _apt("update") == "":
        failure = _install(wanted)
    if failure:
        raise ClusterError(f"apt-get could not install {names}:\n{failure}", "install them by hand and try again")


def _install(packages: list[str]) -> str:
    return _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> str:
    """Run apt-get; the end of what it said if it failed, else nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        check=False,
    )
    return "" if done.returncode == 0 else "\n".join(done.stdout.splitlines()[-8:]) or "no output"
