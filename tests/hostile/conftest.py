"""The corpus runs on the cluster of the end-to-end tests."""

from __future__ import annotations

from e2e.conftest import cluster, environ, images, store  # noqa: F401 - fixtures
