import os

os.write(os.open("/outputs/a.txt", os.O_WRONLY | os.O_CREAT, 0o666), b"x")
os._exit(0)
