"""Compiles the filters of system calls: where an image is built, or once in a checkout; no part of the payload.

`python -m fumehood_sandbox.filters` writes them where `seccomp` looks for them.
"""
