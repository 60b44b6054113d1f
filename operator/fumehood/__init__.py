"""Fumehood: runs untrusted analyses on Kubernetes and seals what they produce."""

__version__ = "0.1.0"
