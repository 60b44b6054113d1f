import glob
import os
import shutil
import stat
import struct
import subprocess

from attack import attempt, libc

attempt("setuid", lambda: os.setuid(0))
attempt("setgid", lambda: os.setgid(0))
attempt("groups", lambda: os.setgroups([0]))
with open("/tmp/tool", "w") as file:
    file.write("#!/bin/sh\nid -u\n")
capability = struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0, 0)
attempt("capability", lambda: os.setxattr("/tmp/tool", "security.capability", capability))
attempt("owner", lambda: os.chown("/tmp/tool", 0, 0))
shutil.copy("/bin/sh", "/tmp/sh")
os.chmod("/tmp/sh", 0o6755)
programs = [
    "/tmp/sh",
    *(path for path in glob.glob("/usr/bin/*") + glob.glob("/bin/*") if os.stat(path, follow_symlinks=False).st_mode & stat.S_ISUID),
]
for program in programs:
    try:
        done = subprocess.run([program, "-c", "id -u"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        continue
    if done.stdout.strip() == "0":
        print("ESCAPED root by", program)
try:
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
except OSError:
    status = {}
if (
    int(status.get("CapEff", "0"), 16) or libc.prctl(39, 0, 0, 0, 0) != 1 or 0 in (os.getuid(), os.geteuid(), os.getgid())
):  # PR_GET_NO_NEW_PRIVS
    print("ESCAPED rights", status.get("CapEff"), os.getuid())
print("looked")
