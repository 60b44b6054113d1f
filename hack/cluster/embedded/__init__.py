"""A single-node Kubernetes that needs no Docker, no image registry and no prebuilt binary."""
