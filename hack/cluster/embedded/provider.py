"""The embedded cluster behind the verbs of the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import s3
from checkout import Checkout, write_atomically, write_env
from embedded import files, gvisor, health, leftovers, network, packages, pki, preflight, state
from embedded.build import Builder, prune
from embedded.node import Node
from embedded.place import BUCKET, Place
from embedded.state import State
from report import ClusterError, say


class Embedded:
    """A single node from source, in network namespaces of its own."""

    name = "embedded"

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._place = Place(checkout.identity)
        self._builder = Builder()

    def up(self, features: Sequence[str]) -> None:
        """Make the cluster run, whatever is there now."""
        preflight.check()
        with state.locked(self._place.lock, wait=True):
            remembered = state.ensure(self._place, "gvisor" in features)
            node = self._node(remembered)
            if self._is_well(node):
                say("the cluster is up")
                return
            packages.ensure()
            self._bring_up(node)
            self._publish(remembered)
        say(f"the cluster is up; next:\n  . {self._checkout.env}\n  kubectl get nodes")

    def _bring_up(self, node: Node) -> None:
        self._builder.build(self._builder.first())
        if node.state.gvisor:
            gvisor.build()
        node.clear_dead()
        with ThreadPoolExecutor(1) as pool:
            rest = pool.submit(self._builder.build, self._builder.later())
            say("starting the node")
            node.prepare()
            node.start_first()
            rest.result()
        node.start_rest()
        node.wait_all()
        prune([self._builder.folder, *self._extra(node.state)])

    def _node(self, remembered: State) -> Node:
        return Node(self._place, remembered, self._builder.folder, self._extra(remembered))

    @staticmethod
    def _extra(remembered: State) -> list[Path]:
        return [gvisor.folder()] if remembered.gvisor else []

    def _is_well(self, node: Node) -> bool:
        """Cheap enough to ask at every `up`: all processes current, all well, the contract written."""
        if not pki.fits(self._place.pki, node.addresses):
            return False
        # With today's settings on disk, a process that was started with older ones is not current.
        files.write_all(self._place, node.addresses, node.state.gvisor)
        contract = (self._checkout.kubeconfig, self._checkout.env)
        return (
            all(path.exists() for path in contract)
            and not self._builder.missing(self._builder.catalogue)
            and all(node.is_current(component) for component in node.components)
            and not any(map(health.ask, node.components))
            and node.is_ready()
        )

    def _publish(self, remembered: State) -> None:
        endpoint = f"http://{remembered.addresses.store}:9000"
        s3.ensure_bucket(endpoint, BUCKET, remembered.access_key, remembered.secret_key)
        files.link_programs(self._place, self._builder.folder)
        kubeconfig = files.kubeconfig_of(self._place, remembered.addresses, "admin")
        write_atomically(self._checkout.kubeconfig, kubeconfig, 0o600)
        variables = {
            "FUMEHOOD_CLUSTER_PROVIDER": self.name,
            "S3_ENDPOINT": endpoint,
            "S3_ACCESS_KEY": remembered.access_key,
            "S3_SECRET_KEY": remembered.secret_key,
            "S3_BUCKET": BUCKET,
        }
        write_env(self._checkout, variables, self._place.programs)

    def down(self, purge: bool) -> None:
        """Leave no process, mount or namespace behind; the data stay unless ``purge``."""
        if os.geteuid() != 0:
            raise ClusterError("`down` needs root", "run it as root, as `up` was")
        with state.locked(self._place.lock, wait=True):
            remembered = state.read(self._place)
            if remembered is not None:
                node = self._node(remembered)
                node.stop()
            leftovers.sweep(self._place)
            network.remove(self._place)
            for path in (self._checkout.kubeconfig, self._checkout.env):
                path.unlink(missing_ok=True)
            if purge:
                shutil.rmtree(self._place.data, ignore_errors=True)
                leftovers.remove_log_links(self._place)
        say("the cluster is down" + ("" if purge else f"; its data stay in {self._place.data} (--purge deletes them)"))

    def status(self) -> bool:
        """Print one line a component; whether all is well."""
        remembered = state.read(self._place)
        if remembered is None:
            print("no cluster of this checkout; make one with `make cluster`")
            return False
        node = self._node(remembered)
        versions = self._builder.versions()
        well = True
        for component in node.components:
            record = node.processes.alive(component.name)
            answer = health.ask(component) if record else "dead"
            well = well and not answer
            pid = str(record.pid) if record else "-"
            version = versions.get(component.program.name, "")
            print(f"{component.name:<24} {pid:>8}  {version:<40} {answer.splitlines()[0] if answer else 'well'}")
        ready = node.is_ready()
        state_word = "Ready" if ready else "not Ready"
        extras = "with gvisor" if remembered.gvisor else "without gvisor"
        print(f"node {remembered.addresses.node} ({state_word}), store {remembered.addresses.store}, {extras}")
        print(f"data and logs: {self._place.data}")
        return well and ready

    def load(self, archives: Sequence[Path]) -> Iterator[str]:
        """Import image archives; one JSON line an image."""
        with self._running() as node:
            for archive in archives:
                for image in node.images.load(archive):
                    yield image.line()

    @contextmanager
    def _running(self) -> Iterator[Node]:
        remembered = state.read(self._place)
        node = self._node(remembered) if remembered else None
        if node is None or node.processes.alive("containerd") is None:
            raise ClusterError("the cluster does not run", "start it with `make cluster`")
        yield node

    def build(self, features: Sequence[str]) -> None:
        """Compile everything without starting anything."""
        self._builder.build(self._builder.catalogue)
        if "gvisor" in features:
            gvisor.build()
        say(f"all programs are built: {self._builder.folder}")

    def log(self, component: str) -> Path:
        """Where a component's log is."""
        path = self._place.log(component)
        if not path.exists():
            known = sorted(entry.stem for entry in path.parent.glob("*.log"))
            raise ClusterError(f"no log of {component!r}", f"there are logs of: {', '.join(known) or 'nothing yet'}")
        return path
