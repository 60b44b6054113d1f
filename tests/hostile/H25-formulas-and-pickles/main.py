import os
import pickle
import struct

from attack import leave


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/evil",)


leave("table.csv", "name,value\n=cmd|' /C calc'!A0,@SUM(1)\n+1,-1\n")
leave("model.pkl", pickle.dumps(Evil(), 4))
header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
leave("array.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickle.dumps(Evil(), 4))
leave("table.parquet", b"PAR1" + b"\xff" * 100 + struct.pack("<I", 0x7FFFFFFF) + b"PAR1")
