names = [
    b"line\nbreak", b"escape\x1b[31m", "right\u202etxt.exe".encode(), "c1\x9b2J".encode(), b"bytes\xff\xfe", b"back\\slash", b"C:drive",
    b"-rf", b"--help", b"n" * 255, b"12:30.csv", b'quo"te', b"$(id)", b"{{7*7}}",
]  # fmt: skip
for name in names:
    with open(b"/outputs/" + name, "w") as file:
        file.write("x")
