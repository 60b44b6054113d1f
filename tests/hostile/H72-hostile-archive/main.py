import os

with open("/inputs/archive.cpio", "rb") as file:
    content = file.read()
found = sorted(os.path.join(folder, name) for folder, _, names in os.walk("/inputs") for name in names)
if found != ["/inputs/archive.cpio"] or any(os.path.exists(path) for path in ("/evil", "/etc/evil", "/work/evil")):
    print("ESCAPED: it was unpacked", found)
print("whole" if content.count(b"070707") == 4 and content.endswith(b"TRAILER!!!\0") else "cut")
