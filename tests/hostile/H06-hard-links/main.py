import os

from attack import attempt, leave

attempt("input", lambda: os.link("/inputs/input.txt", "/outputs/input.txt"))
attempt("host", lambda: os.link("/etc/passwd", "/outputs/passwd"))
leave("links/0000", "one")
for number in range(1, 1000):
    os.link("/outputs/links/0000", f"/outputs/links/{number:04}")
