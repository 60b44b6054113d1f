"""Bring the node up: one visible order of steps, each of which finds its work done or does it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from embedded import addons, components, files, health, leftovers, network, pki
from embedded.api import Api
from embedded.components import Component
from embedded.images import Images
from embedded.place import NODE_NAME, Place
from embedded.processes import Processes
from embedded.state import State
from report import ClusterError, say

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Node:
    """One node: its components, in the order in which they are started."""

    def __init__(self, place: Place, state: State, programs: Path, extra_programs: Sequence[Path] = ()) -> None:
        self.place = place
        self.state = state
        self.programs = programs
        self.addresses = state.addresses
        self.processes = Processes(place.identity, place.run / "processes")
        self.images = Images(place, programs)
        search_path = ":".join([*map(str, (programs, *extra_programs)), SYSTEM_PATH])
        bin_, here = programs, place
        self.etcd = components.etcd(here, bin_)
        self.api_server = components.api_server(here, bin_, self.addresses, os.environ.get("FUMEHOOD_AUDIT_LOG", ""))
        self.containerd = components.containerd(here, bin_, search_path)
        self.workers = [
            components.controller_manager(here, bin_),
            components.scheduler(here, bin_),
            components.kubelet(here, bin_, self.addresses),
            components.proxy(here, bin_),
        ]
        self.netpol = components.netpol(here, bin_)
        self.coredns = components.coredns(here, bin_)
        self.minio = components.minio(here, bin_, self.addresses, state.access_key, state.secret_key)

    @property
    def components(self) -> list[Component]:
        """All components, in the order of start."""
        return [self.etcd, self.containerd, self.api_server, *self.workers, self.netpol, self.coredns, self.minio]

    def fingerprint(self, component: Component) -> str:
        """Changes with the command line, the environment and the files that a component read."""
        texts = [json.dumps([component.argv, sorted(component.environment.items())])]
        texts += [path.read_text() for path in component.configs if path.exists()]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]

    def is_current(self, component: Component) -> bool:
        """Whether it runs, and as it would be started now."""
        record = self.processes.alive(component.name)
        return record is not None and record.fingerprint == self.fingerprint(component)

    def start(self, component: Component) -> None:
        """Start a component, or start it anew where it is not current."""
        if self.is_current(component):
            return
        self.processes.stop(component.name)
        environment = {"PATH": SYSTEM_PATH, "HOME": str(self.place.data), "LANG": "C.UTF-8", **component.environment}
        log = self.place.log(component.name)
        self.processes.start(component.name, component.argv, environment, log, self.fingerprint(component))

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The end of a component's log."""
        path = self.place.log(name)
        text = path.read_text(errors="replace")[-8000:] if path.exists() else "(no log)"
        return "\n".join(f"    {line[:300]}" for line in text.splitlines()[-lines:])

    def wait(self, *wanted: Component, seconds: float = 60) -> None:
        """Until all of ``wanted`` are well."""
        health.wait(wanted, self.processes, seconds, self.log_tail)

    def adopt(self) -> None:
        """Find again what runs without a record."""
        self.processes.adopt({component.name: component.program for component in self.components})

    def stop(self) -> None:
        """Stop everything: first those that would start again what is stopped after them."""
        self.adopt()
        last = (self.containerd.name, self.api_server.name, self.etcd.name)
        self.processes.stop(*(component.name for component in self.components if component.name not in last), grace=3)
        self.processes.stop(*last, grace=2)

    def clear_dead(self) -> None:
        """After a kill or a reboot: adopt what lives without record; if nothing lives, sweep."""
        self.adopt()
        living = [component.name for component in self.components if self.processes.alive(component.name)]
        if "containerd" not in living and not leftovers.shims(self.place):
            # Containers without a shim cannot be taken over; their mounts and sandboxes are dead weight.
            self.processes.stop(*living)
            leftovers.sweep(self.place)
            network.remove(self.place)

    def prepare(self) -> None:
        """Everything that is there before the first process."""
        files.share_mounts(self.place)
        network.ensure(self.place, self.addresses)
        pki.ensure(self.place.pki, self.addresses)
        files.write_all(self.place, self.addresses, self.state.gvisor)
        leftovers.make_cgroups(self.place)

    def start_first(self) -> None:
        """Database, runtime, API server, then all that needs it."""
        self.start(self.containerd)
        self._start_etcd()
        self.start(self.api_server)
        self.wait(self.containerd)
        self.images.ensure_pause(self.programs / "pause", self.place.run)
        self.wait(self.api_server, seconds=120)
        for worker in self.workers:
            self.start(worker)
        api = Api(self.place, self.addresses)
        self._apply(api)
        _until(lambda: api.get(f"/api/v1/nodes/{NODE_NAME}") is not None, 60, "the kubelet has not registered its node")
        self.start(self.netpol)

    def start_rest(self) -> None:
        """DNS and store, whose programs may have been compiled meanwhile."""
        self.start(self.coredns)
        self.start(self.minio)

    def is_ready(self) -> bool:
        """Whether the API server says that the node takes Pods; no answer is no."""
        try:
            return Api(self.place, self.addresses).node_ready()
        except (ClusterError, OSError):
            return False

    def wait_all(self) -> None:
        """Until every component is well and the node takes Pods."""
        self.wait(*self.components)
        _until(self.is_ready, 60, "the node is not Ready; see `logs kubelet`")

    def _apply(self, api: Api) -> None:
        """Right after its start the API server may still refuse: its own roles and namespaces come first."""
        deadline = time.monotonic() + 30
        for path, content in addons.objects(self.addresses, self.state.gvisor):
            while True:
                try:
                    api.apply(path, content)
                    break
                except (ClusterError, OSError):
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)

    def _start_etcd(self) -> None:
        """Start the database; data that it cannot read are put aside, and the cluster begins empty."""
        self.start(self.etcd)
        try:
            self.wait(self.etcd, seconds=30)
        except ClusterError as error:
            data = self.place.data / "etcd"
            if not data.exists():
                raise
            aside = data.with_name(f"etcd.damaged-{int(time.time())}")
            say(f"etcd cannot use its data; they are put aside as {aside} and the cluster begins empty:\n{error}")
            self.processes.stop("etcd")
            data.rename(aside)
            self.start(self.etcd)
            self.wait(self.etcd, seconds=30)


def _until(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise ClusterError(otherwise)
        time.sleep(0.1)
