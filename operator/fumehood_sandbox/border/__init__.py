"""Every path, document and reason that both sides of the sandbox's border know, one module for each word that is said.

The operator writes an `order`; the collector reads it, hears the `hello` of the
runner, hands it a `task`, hears its `claim`, and seals a `manifest`. The `seal` in
the collector's termination message tells the operator which manifest to believe.
Apart from that, a probe of the network gets an `errand`.

Shapes: paths are POSIX and relative unless one of `places`; sizes are bytes;
durations are seconds; instants are RFC 3339 in UTC; digests are "sha256:<hex>".
Text that a job could choose (names, log tails) is data, never an instruction.
"""

VERSION = 1
