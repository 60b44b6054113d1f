"""Every configuration document of the node's programs, as pure functions.

JSON is YAML, so the standard library is enough; only containerd wants TOML.
"""

from __future__ import annotations

import json
from pathlib import Path

from embedded.addresses import Addresses
from embedded.place import CLUSTER_DOMAIN, DNS_SERVICE, NODE_NAME, PAUSE_IMAGE, POD_RANGE, Place


def document(content: object) -> str:
    """A JSON text with a line end."""
    return json.dumps(content, indent=2) + "\n"


def kubeconfig(server: str, authority: str, certificate: str, key: str) -> str:
    """A kubeconfig; the last three are base64 texts, so that the file stands alone."""
    return document(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fumehood", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": "fumehood", "user": {"client-certificate-data": certificate, "client-key-data": key}}],
            "contexts": [{"name": "fumehood", "context": {"cluster": "fumehood", "user": "fumehood"}}],
            "current-context": "fumehood",
        }
    )


def kubelet(place: Place) -> str:
    """The kubelet's settings."""
    pki = place.pki
    return document(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / "kubelet.crt"),
            "tlsPrivateKeyFile": str(pki / "kubelet.key"),
            "healthzBindAddress": "127.0.0.1",
            "podLogsDir": str(place.data / "pod-logs"),
            "volumePluginDir": str(place.data / "volume-plugins"),
            "clusterDomain": CLUSTER_DOMAIN,
            "clusterDNS": [DNS_SERVICE],
            "resolvConf": "",  # nothing of the host's DNS reaches a Pod
            # A root of its own keeps the containers of two clusters on one machine apart.
            "cgroupRoot": f"/{place.cgroup}",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "makeIPTablesUtilChains": False,
            "maxPods": 250,
            "podPidsLimit": 4096,
            "kubeAPIQPS": 100,
            "kubeAPIBurst": 200,
            "eventRecordQPS": 50,
            "eventBurst": 100,
            "serializeImagePulls": False,
            # Images are imported, never pulled: one that is collected would be gone for good.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": dict.fromkeys(("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"), "1%"),
        }
    )


def kube_proxy(kubeconfig_path: Path) -> str:
    """kube-proxy's settings; the zeros leave the kernel's conntrack limits alone."""
    return document(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(kubeconfig_path)},
            "hostnameOverride": NODE_NAME,
            "clusterCIDR": POD_RANGE,
            "mode": "nftables",
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }
    )


def cni(place: Place) -> str:
    """The Pods' network: a bridge without masquerade, so nothing leaves the node's namespace."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(place.run / "cni"),
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": ipam,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return document({"cniVersion": "0.4.0", "name": "fumehood", "plugins": [bridge, ports]})


def containerd(place: Place, gvisor: bool) -> str:
    """containerd's settings: everything machine-global by default is given a path of this cluster."""
    runtime = "io.containerd.cri.v1.runtime"
    runtimes = f"plugins.'{runtime}'.containerd.runtimes"
    lines = [
        "version = 3",
        f"root = '{place.data}/containerd'",
        f"state = '{place.run}/containerd'",
        "imports = []",
        "disabled_plugins = ['io.containerd.snapshotter.v1.btrfs', 'io.containerd.snapshotter.v1.zfs',"
        " 'io.containerd.snapshotter.v1.devmapper', 'io.containerd.snapshotter.v1.blockfile',"
        " 'io.containerd.snapshotter.v1.erofs', 'io.containerd.nri.v1.nri',"
        " 'io.containerd.tracing.processor.v1.otlp']",
        "[grpc]",
        f"address = '{place.containerd_socket}'",
        "[ttrpc]",
        f"address = '{place.containerd_socket}.ttrpc'",
        "[plugins.'io.containerd.cri.v1.images']",
        "snapshotter = 'overlayfs'",
        "[plugins.'io.containerd.cri.v1.images'.pinned_images]",
        f"sandbox = '{PAUSE_IMAGE}'",
        f"[plugins.'{runtime}']",
        "restrict_oom_score_adj = true",  # root of a small machine may lack CAP_SYS_RESOURCE
        "netns_mounts_under_state_dir = true",
        f"[plugins.'{runtime}'.cni]",
        "bin_dirs = ['/usr/lib/cni']",
        f"conf_dir = '{place.config}/cni'",
        f"[plugins.'{runtime}'.containerd]",
        "default_runtime_name = 'runc'",
        f"[{runtimes}.runc]",
        "runtime_type = 'io.containerd.runc.v2'",
        f"[{runtimes}.runc.options]",
        f"Root = '{place.run}/runc'",
        "SystemdCgroup = false",
    ]
    if gvisor:
        lines += [
            f"[{runtimes}.runsc]",
            "runtime_type = 'io.containerd.runsc.v1'",
            f"[{runtimes}.runsc.options]",
            "TypeUrl = 'io.containerd.runsc.v1.options'",
            f"ConfigPath = '{place.config}/runsc.toml'",
        ]
    return "\n".join(lines) + "\n"


def runsc(place: Place) -> str:
    """gVisor's settings."""
    return "\n".join(
        [
            f'root = "{place.run}/runsc"',
            "[runsc_config]",
            'platform = "systrap"',
            "",
        ]
    )


def corefile(addresses: Addresses, kubeconfig_path: Path) -> str:
    """CoreDNS: the cluster's own names only; every other name is refused, nothing is forwarded."""
    return "\n".join(
        [
            f"{CLUSTER_DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {{",
            f"    bind {addresses.node}",
            "    errors",
            "    health 127.0.0.1:8180",
            "    ready 127.0.0.1:8181",
            "    cache 10",
            f"    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{",
            f"        kubeconfig {kubeconfig_path}",
            "        pods insecure",
            "        ttl 10",
            "    }",
            "}",
            "",
        ]
    )


def audit_policy() -> str:
    """Who did what to which object, once each, without bodies."""
    return document(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}],
        }
    )
