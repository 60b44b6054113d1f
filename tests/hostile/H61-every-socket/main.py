from attack import all_apart, system_call


def opened(family, kind, protocol=0):
    return lambda: system_call("socket", family, kind, protocol)


all_apart(
    {
        "inet": opened(2, 1),
        "udp": opened(2, 2),
        "raw": opened(2, 3, 1),
        "ping": opened(2, 2, 1),
        "sctp": opened(2, 5, 132),
        "mptcp": opened(2, 1, 262),
        "inet6": opened(10, 1),
        "netlink": opened(16, 3),
        "packet": opened(17, 3),
        "vsock": opened(40, 1),
        "alg": opened(38, 5),
        "xdp": opened(44, 3),
        "bluetooth": opened(31, 1),
        "smc": opened(43, 1),
        "flags": opened(2, 1 | 0o2000000 | 0o4000),
        "pair": lambda: system_call("socketpair", 2, 1, 0, bytearray(8)) and None,
        "high": opened((1 << 32) | 2, 1),
        "higher": opened(2 - (1 << 40), 1),
        "last": opened(2, 1),
    }
)
