import atexit
import builtins
import sys

sys.excepthook = lambda *error: print("finished successfully")
sys.settrace(lambda *event: None)
atexit.register(print, "exit code: 0")
sys.exit = builtins.exit = lambda code=0: None
foreign = [name for name in sys.modules if "fumehood" in name]
if foreign or any("fumehood" in path for path in sys.path):
    print("ESCAPED trusted code in this interpreter", foreign)
raise SystemError("failed")
