"""Applies what the pure files describe: the only one here that speaks to the API."""

from __future__ import annotations

from collections.abc import Callable

from ...api.v1alpha1 import Evidence, UserNamespaces
from ...core import names, sanitise
from ...core.failures import Reason, Refused
from ...core.isolation import NetworkProof
from ...core.observation import SandboxFacts
from ...core.plan import Plan
from ...core.status import stamp
from ...errors import AlreadyExists, Forbidden, Invalid, NotFound, Unavailable
from ...kube import core_path, policy_path
from ...ports import Clock, Cluster, Json
from ...settings import EgressSettings, PodSettings
from . import network
from .capabilities import Capabilities
from .observe import STOPPED_AT, facts
from .pod import Isolation, pod, secret
from .prover import Prover

RELEASE_GRACE = 5  # seconds for a sandbox that has nothing left to say


class KubernetesExecutor:
    """Implements `ports.Executor`: one Secret and one Pod per attempt, behind one NetworkPolicy per namespace."""

    def __init__(
        self,
        cluster: Cluster,
        pods: PodSettings,
        egress: EgressSettings,
        store_addresses: Callable[[], tuple[str, ...]],
        store_port: int,
        clock: Clock,
        prover: Prover | None,
    ) -> None:
        self._cluster = cluster
        self._pods = pods
        self._egress = egress
        self._store_addresses = store_addresses
        self._store_port = store_port
        self._clock = clock
        self._prover = prover
        self._capabilities = Capabilities(cluster)

    async def launch(self, plan: Plan, order: bytes, owner: Json) -> SandboxFacts:
        """See `ports.Executor`."""
        isolation = await self._isolation(plan)
        namespace = plan.subject.namespace
        await self._close(namespace)
        if plan.egress:
            await self._ensure_policy(network.egress_policy(namespace, plan.egress))
        await self._hand_over(plan, secret(plan, order, owner))
        document = pod(plan, self._pods, isolation, owner)
        try:
            created = await self._cluster.create(core_path(namespace, "pods"), document)
        except AlreadyExists:
            created = await self._cluster.get(core_path(namespace, "pods", document["metadata"]["name"]))
        except (Forbidden, Invalid) as error:
            await self._cluster.delete(core_path(namespace, "secrets", document["metadata"]["name"]))
            raise _pod_refused(str(error)) from None
        found = facts(created)
        if found is None or found.job_uid != plan.subject.uid:
            raise Refused(Reason.POD_REFUSED, f"a Pod named {document['metadata']['name']} is there that belongs to somebody else")
        return found

    async def _hand_over(self, plan: Plan, order: Json) -> None:
        """Create the order's Secret; one that an earlier try left without its Pod may hold a permit that is over."""
        subject, path = plan.subject, core_path(plan.subject.namespace, "secrets")
        try:
            await self._cluster.create(path, order)
        except AlreadyExists:
            if await self.observe(subject.namespace, subject.name, subject.uid, subject.attempt) is None:
                await self._cluster.delete(core_path(subject.namespace, "secrets", order["metadata"]["name"]))
                await self._cluster.create(path, order)

    async def observe(self, namespace: str, job_name: str, job_uid: str, attempt: int) -> SandboxFacts | None:
        """See `ports.Executor`."""
        try:
            document = await self._cluster.get(core_path(namespace, "pods", names.pod(job_name, job_uid, attempt)))
        except NotFound:
            return None
        found = facts(document)
        return found if found and found.job_uid == job_uid else None

    async def stop(self, namespace: str, sandbox: SandboxFacts) -> SandboxFacts | None:
        """See `ports.Executor`.

        A deadline that has passed makes the kubelet end the Pod with its whole grace
        period and keep the object, and with it the collector's last word; a deletion
        would take both away at once.
        """
        path = core_path(namespace, "pods", sandbox.name)
        body = {
            "metadata": {"uid": sandbox.uid, "annotations": {STOPPED_AT: stamp(self._clock())}},
            "spec": {"activeDeadlineSeconds": 1},
        }
        try:
            return facts(await self._cluster.patch(path, body))
        except NotFound:
            return None

    async def release(self, namespace: str, sandbox: SandboxFacts) -> None:
        """See `ports.Executor`."""
        # The operator may not read Secrets, so it knows no UID; the name holds the job's.
        await self._cluster.delete(core_path(namespace, "secrets", sandbox.name))
        if sandbox.deletion_grace is None or sandbox.deletion_grace > RELEASE_GRACE:
            grace = None if sandbox.ended else RELEASE_GRACE
            await self._cluster.delete(core_path(namespace, "pods", sandbox.name), sandbox.uid, grace)

    async def _close(self, namespace: str) -> None:
        """See that the network of the namespace's jobs is shut, by policy and by proof."""
        made = await self._ensure_policy(network.policy(namespace, self._egress, self._store_addresses(), self._store_port))
        if self._prover:
            if made:
                self._prover.policy_made(namespace)
            await self._prover.require(namespace)

    async def _ensure_policy(self, desired: Json) -> bool:
        """See that a policy is as it has to be; return whether it had to be written."""
        namespace, name = desired["metadata"]["namespace"], desired["metadata"]["name"]
        try:
            current = await self._cluster.get(policy_path(namespace, name))
        except NotFound:
            try:
                await self._cluster.create(policy_path(namespace), desired)
            except AlreadyExists:
                raise Unavailable("the NetworkPolicy was made by somebody else just now") from None
            return True
        if current["spec"] == desired["spec"]:
            return False
        desired["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
        await self._cluster.replace(policy_path(namespace, name), desired)
        return True

    async def _isolation(self, plan: Plan) -> Isolation:
        wish = plan.user_namespaces
        can = wish is not UserNamespaces.OFF and await self._capabilities.user_namespaces(plan.runtime_class)
        if wish is UserNamespaces.REQUIRED and not can:
            raise Refused(
                Reason.SANDBOX_UNAVAILABLE,
                f"environment {plan.environment!r} requires user namespaces, which not every node of this cluster supports",
                Evidence(missing=("userNamespaces",)),
            )
        return Isolation(not can, NetworkProof.PROVED if self._prover else NetworkProof.DISABLED)


def _pod_refused(message: str) -> Exception:
    if "exceeded quota" in message:
        return Unavailable("the namespace's quota has no room for the Pod", delay=10)
    return Refused(Reason.POD_REFUSED, f"the API server refuses the Pod: {sanitise.text(message, 600)}")
