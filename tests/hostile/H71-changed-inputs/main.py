import os

from attack import attempt

path = "/inputs/data/input.txt"
attempt("unlink", lambda: os.unlink(path))
attempt("rename", lambda: os.rename("/inputs/data", "/inputs/other"))
attempt("create", lambda: os.mkdir("/inputs/new"))
attempt("link", lambda: os.symlink("/etc/passwd", "/inputs/data/link"))
attempt("truncate", lambda: os.truncate(path, 0))
attempt("mode", lambda: os.chmod("/inputs", 0o777))
attempt("marker", lambda: open("/inputs/.staged", "w"))
with open(path) as file:
    print("unchanged" if file.read() == "the input" else "ESCAPED: the input is another")
