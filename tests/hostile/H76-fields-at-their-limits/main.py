import os
import sys

if "LD_PRELOAD" in os.environ or os.path.exists("/work/evil.so"):
    print("ESCAPED a variable of the manifest")
print(sum(map(len, sys.argv[1:])), "of", len(sys.argv) - 1)
