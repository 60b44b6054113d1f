"""The node's processes: command lines, the order of start, and how health is asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embedded.addresses import Addresses
from embedded.place import CLUSTER_DOMAIN, NODE_NAME, SERVICE_RANGE, Place

# The kubelet sets these for the whole machine; it is shown files of its own instead.
SHADOWED_SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")


@dataclass(frozen=True)
class Component:
    """One process; ``health`` is a URL or a socket's path, asked for inside ``netns``."""

    name: str
    netns: str
    program: Path
    arguments: tuple[str, ...]
    health: str
    configs: tuple[Path, ...] = ()  # a change in one of them restarts the process
    environment: Mapping[str, str] = field(default_factory=dict)
    wrapper: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """nsenter becomes the program (it does not fork), so the pid is the program's own."""
        # Not `ip netns exec`: that mounts a new /sys and hides the cgroup mounts.
        enter = ("nsenter", f"--net=/run/netns/{self.netns}")
        return (*enter, *self.wrapper, str(self.program), *self.arguments)


def _flags(**flags: object) -> tuple[str, ...]:
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in flags.items())


def etcd(place: Place, programs: Path) -> Component:
    """The database; loopback of the node's namespace only, no fsync: the data are for tests."""
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    arguments = _flags(
        name="fumehood",
        data_dir=place.data / "etcd",
        listen_client_urls=client,
        advertise_client_urls=client,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"fumehood={peer}",
        quota_backend_bytes=4 * 1024**3,
        log_level="warn",
    )
    arguments += ("--unsafe-no-fsync",)
    return Component("etcd", place.node_netns, programs / "etcd", arguments, f"{client}/health")


def api_server(place: Place, programs: Path, addresses: Addresses, audit_log: str) -> Component:
    """The API server, on the node's address."""
    pki = place.pki
    arguments = _flags(
        etcd_servers="http://127.0.0.1:2379",
        bind_address="0.0.0.0",  # of the node's own network namespace  # nosec B104
        advertise_address=addresses.node,
        secure_port=6443,
        service_cluster_ip_range=SERVICE_RANGE,
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        client_ca_file=pki / "ca.crt",
        tls_cert_file=pki / "apiserver.crt",
        tls_private_key_file=pki / "apiserver.key",
        kubelet_client_certificate=pki / "apiserver-kubelet.crt",
        kubelet_client_key=pki / "apiserver-kubelet.key",
        kubelet_certificate_authority=pki / "ca.crt",
        kubelet_preferred_address_types="InternalIP",
        service_account_issuer=f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
        service_account_key_file=pki / "service-account.key",
        service_account_signing_key_file=pki / "service-account.key",
        allow_privileged="true",
        profiling="false",
    )
    if audit_log:
        policy = place.config / "audit-policy.json"
        arguments += _flags(audit_log_path=audit_log, audit_policy_file=policy, audit_log_maxsize=500)
    health = f"https://{addresses.node}:6443/readyz"
    certificates = (pki / "apiserver.crt",)
    return Component("kube-apiserver", place.node_netns, programs / "kube-apiserver", arguments, health, certificates)


def controller_manager(place: Place, programs: Path) -> Component:
    """The controllers; no leader election among one."""
    config = place.config / "controller-manager.kubeconfig"
    arguments = _flags(
        kubeconfig=config,
        bind_address="127.0.0.1",
        leader_elect="false",
        use_service_account_credentials="true",
        service_account_private_key_file=place.pki / "service-account.key",
        root_ca_file=place.pki / "ca.crt",
        cluster_signing_cert_file=place.pki / "ca.crt",
        cluster_signing_key_file=place.pki / "ca.key",
        kube_api_qps=100,
        kube_api_burst=200,
        profiling="false",
    )
    program = programs / "kube-controller-manager"
    health = "https://127.0.0.1:10257/healthz"
    return Component("kube-controller-manager", place.node_netns, program, arguments, health, (config,))


def scheduler(place: Place, programs: Path) -> Component:
    """The scheduler."""
    config = place.config / "scheduler.kubeconfig"
    arguments = _flags(
        kubeconfig=config,
        bind_address="127.0.0.1",
        leader_elect="false",
        kube_api_qps=200,
        kube_api_burst=400,
        profiling="false",
    )
    health = "https://127.0.0.1:10259/healthz"
    return Component("kube-scheduler", place.node_netns, programs / "kube-scheduler", arguments, health, (config,))


def containerd(place: Place, programs: Path, search_path: str) -> Component:
    """The container runtime; finds its shims and runc on ``search_path``."""
    config = place.config / "containerd.toml"
    arguments = _flags(config=config)
    health = str(place.containerd_socket)
    return Component(
        "containerd",
        place.node_netns,
        programs / "containerd",
        arguments,
        health,
        (config,),
        {"PATH": search_path},
    )


def kubelet(place: Place, programs: Path, addresses: Addresses) -> Component:
    """The kubelet, in a mount namespace where the machine-wide sysctls that it sets are plain files."""
    settings, config = place.config / "kubelet.json", place.config / "kubelet.kubeconfig"
    arguments = _flags(
        config=settings,
        kubeconfig=config,
        root_dir=place.data / "kubelet",
        cert_dir=place.data / "kubelet" / "pki",
        hostname_override=NODE_NAME,
        node_ip=addresses.node,
        v=1,
    )
    certificates = (place.pki / "kubelet.crt",)
    return Component(
        "kubelet",
        place.node_netns,
        programs / "kubelet",
        arguments,
        "http://127.0.0.1:10248/healthz",
        (settings, config, *certificates),
        wrapper=kubelet_wrapper(place),
    )


def kubelet_wrapper(place: Place) -> tuple[str, ...]:
    """Words before the kubelet's own command line."""
    # `unchanged`: the mounts that the kubelet makes for Pods still reach containerd outside,
    # since they are below a shared mount; the shadowing does not, because /proc is made private.
    shadow = "".join(f"mount --bind {place.run}/sysctl/{key.replace('/', '.')} /proc/sys/{key} && " for key in SHADOWED_SYSCTLS)
    script = f'mount --make-rprivate /proc && {shadow}exec "$0" "$@"'
    return ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script)


def proxy(place: Place, programs: Path) -> Component:
    """Service addresses."""
    settings, config = place.config / "kube-proxy.json", place.config / "proxy.kubeconfig"
    arguments = _flags(config=settings)
    health = "http://127.0.0.1:10256/healthz"
    configs = (settings, config)
    return Component("kube-proxy", place.node_netns, programs / "kube-proxy", arguments, health, configs)


def netpol(place: Place, programs: Path) -> Component:
    """Enforcement of NetworkPolicy."""
    config = place.config / "netpol.kubeconfig"
    arguments = ("-kubeconfig", str(config), "-node", NODE_NAME, "-service-cidr", SERVICE_RANGE)
    health = "iptables:KUBE-ROUTER-FORWARD"
    return Component("netpol", place.node_netns, programs / "netpol", arguments, health, (config,))


def coredns(place: Place, programs: Path) -> Component:
    """Names of Services."""
    config = place.config / "Corefile"
    arguments = ("-conf", str(config))
    health = "http://127.0.0.1:8181/ready"
    kubeconfig = place.config / "coredns.kubeconfig"
    return Component("coredns", place.node_netns, programs / "coredns", arguments, health, (config, kubeconfig))


def minio(place: Place, programs: Path, addresses: Addresses, access_key: str, secret_key: str) -> Component:
    """The object store, in a namespace of its own: like a store outside of the cluster."""
    endpoint = f"{addresses.store}:9000"
    environment = {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CALLHOME_ENABLE": "off",
    }
    arguments = ("server", "--quiet", "--address", endpoint, str(place.data / "minio"))
    health = f"http://{endpoint}/minio/health/live"
    return Component("minio", place.store_netns, programs / "minio", arguments, health, environment=environment)
