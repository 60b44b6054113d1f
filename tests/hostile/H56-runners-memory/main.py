import ctypes

from attack import all_apart, system_call

here = (ctypes.c_long * 2)()
all_apart(
    {
        "read": lambda: system_call("process_vm_readv", 1, here, 1, here, 1, 0),
        "write": lambda: system_call("process_vm_writev", 1, here, 1, here, 1, 0),
        "descriptor": lambda: system_call("pidfd_getfd", system_call("pidfd_open", 1, 0), 0, 0),
        "memory": lambda: open("/proc/1/mem", "rb"),
        "seize": lambda: system_call("ptrace", 0x4206, 1, 0, 0),
        "attach": lambda: system_call("ptrace", 16, 1, 0, 0),
    }
)
