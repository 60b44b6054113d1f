import os

from attack import attempt


def read(path):
    with open(path, "rb") as file:
        return file.read(100)


files = {
    "token": "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "token-2": "/run/secrets/kubernetes.io/serviceaccount/token",
    "order": "/run/fumehood/order.json",
    "kubelet": "/var/lib/kubelet/config.yaml",
    "kubeconfig": "/etc/kubernetes/admin.conf",
    "shadow": "/etc/shadow",
    "podinfo": "/etc/podinfo/labels",
}
for name, path in files.items():
    attempt(name, lambda: read(path))
for name, path in {"secrets": "/var/run/secrets", "run": "/run/fumehood"}.items():
    attempt(name, lambda: os.listdir(path))
