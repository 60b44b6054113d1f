import os
import resource

from attack import attempt, leave


def raise_limit():
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30))
    except ValueError as error:  # what Python makes of EPERM
        raise PermissionError(1, str(error)) from None


leave("before.txt")
attempt("core-limit", raise_limit)
os.chdir("/outputs")
os.abort()
