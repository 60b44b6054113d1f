import os
import resource

from attack import all_apart, system_call

all_apart(
    {
        "files-limit": lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3)),
        "idle": lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
        "nice": lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
        "nice-user": lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19),
        "affinity": lambda: os.sched_setaffinity(1, {0}),
        "io": lambda: system_call("ioprio_set", 1, 1, 3 << 13),
        "cpu-limit": lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1)),
    }
)
