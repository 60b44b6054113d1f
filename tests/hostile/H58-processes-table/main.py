import glob

from attack import attempt, leave


def read(path):
    with open(path, "rb") as file:
        return file.read(10_000)


for name in ("environ", "maps", "smaps", "stack", "auxv", "io", "pagemap"):
    attempt(f"/proc/1/{name}", lambda: read(f"/proc/1/{name}"))
for path in ("/proc/kcore", "/proc/kmsg", "/sys/kernel/security/landlock", "/sys/firmware/efi/efivars", "/sys/kernel/debug/tracing"):
    attempt(path, lambda: read(path))
# What may be read must hold no secret; the harness looks through it.
seen = b""
for pattern in ("/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ", "/proc/mounts", "/proc/keys", "/proc/net/*", "/proc/cmdline"):
    for path in glob.glob(pattern)[:50]:
        try:
            seen += path.encode() + b"\n" + read(path) + b"\n"
        except OSError:
            pass
leave("seen.bin", seen)
