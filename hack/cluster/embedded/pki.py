"""Keys and certificates, made by openssl once a cluster.

The folder is made beside its place and renamed when whole, so there is never half
a PKI. It carries what it was made for; a cluster with other addresses makes it anew.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from checkout import write_atomically
from embedded.addresses import Addresses
from embedded.commands import run
from embedded.place import API_SERVICE, CLUSTER_DOMAIN, NODE_NAME

DAYS = 3650
STAMP = "purpose.json"
VERSION = 1  # raise to have every cluster make its PKI anew


@dataclass(frozen=True)
class Identity:
    """Subject of one certificate; ``names`` are subject alternative names in openssl's spelling."""

    file: str
    common_name: str
    organisation: str = ""
    names: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject in openssl's spelling."""
        return (f"/O={self.organisation}" if self.organisation else "") + f"/CN={self.common_name}"


def identities(addresses: Addresses) -> list[Identity]:
    """Everybody who gets a certificate (pure)."""
    service = "kubernetes.default.svc"
    api_names = ("kubernetes", "kubernetes.default", service, f"{service}.{CLUSTER_DOMAIN}", "localhost")
    api_sans = tuple(f"DNS:{name}" for name in api_names) + tuple(f"IP:{address}" for address in (API_SERVICE, addresses.node, "127.0.0.1"))
    return [
        Identity("apiserver", "kube-apiserver", names=api_sans),
        Identity("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        Identity("admin", "fumehood-admin", "system:masters"),
        Identity("controller-manager", "system:kube-controller-manager"),
        Identity("scheduler", "system:kube-scheduler"),
        Identity("kubelet", f"system:node:{NODE_NAME}", "system:nodes", (f"DNS:{NODE_NAME}", f"IP:{addresses.node}")),
        Identity("proxy", "system:kube-proxy"),
        Identity("netpol", "fumehood:netpol"),
        Identity("coredns", "fumehood:coredns"),
    ]


def purpose(addresses: Addresses) -> str:
    """What a PKI was made for: equal text means that it still fits."""
    subjects = [[identity.file, identity.subject, *identity.names] for identity in identities(addresses)]
    return json.dumps({"version": VERSION, "subjects": subjects}, sort_keys=True)


def fits(folder: Path, addresses: Addresses) -> bool:
    """Whether a whole PKI for these addresses is there."""
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == purpose(addresses)


def ensure(folder: Path, addresses: Addresses) -> None:
    """Make the PKI unless a fitting one is there."""
    if fits(folder, addresses):
        return
    draft = folder.with_name("pki.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    _authority(draft)
    for identity in identities(addresses):
        _certificate(draft, identity)
    write_atomically(draft / STAMP, purpose(addresses))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def _key(path: Path) -> None:
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path)])
    path.chmod(0o600)


def _authority(folder: Path) -> None:
    _key(folder / "ca.key")
    _key(folder / "service-account.key")
    request = ["openssl", "req", "-x509", "-new", "-key", str(folder / "ca.key"), "-days", str(DAYS)]
    extensions = ["-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"]
    run([*request, "-subj", "/CN=fumehood-cluster-ca", *extensions, "-out", str(folder / "ca.crt")])


def _certificate(folder: Path, identity: Identity) -> None:
    key, request, certificate = (folder / f"{identity.file}.{kind}" for kind in ("key", "csr", "crt"))
    _key(key)
    run(["openssl", "req", "-new", "-key", str(key), "-subj", identity.subject, "-out", str(request)])
    extensions = folder / f"{identity.file}.ext"
    lines = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth,clientAuth"]
    if identity.names:
        lines.append("subjectAltName=" + ",".join(identity.names))
    extensions.write_text("\n".join(lines) + "\n")
    authority = ["-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"]
    sign = ["openssl", "x509", "-req", "-in", str(request), *authority, "-days", str(DAYS)]
    run([*sign, "-extfile", str(extensions), "-out", str(certificate)])
    request.unlink()
    extensions.unlink()
