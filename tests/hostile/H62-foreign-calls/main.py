import ctypes
import mmap
import os

from attack import INTEL, apart, system_call

if INTEL:
    # i386: socketcall(SYS_SOCKET) and getpid, by int 0x80
    for name, number in {"int80-getpid": 20, "int80-socketcall": 102}.items():
        code = b"\xb8" + number.to_bytes(4, "little") + b"\xbb\x01\0\0\0\xcd\x80\xc3"

        def run(code=code):
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(code)
            found = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
            if found < 0:
                raise OSError(-found, os.strerror(-found))
            return found

        apart(name, run)
    for name, number in {"x32-getpid": 39, "x32-socket": 41}.items():
        apart(name, lambda: system_call(0x40000000 | number, 2, 1, 0))
print("tried")
