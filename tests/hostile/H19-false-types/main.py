from attack import leave

leave("plot.png", "<!DOCTYPE html><script>alert(1)</script>")
leave("table.csv", b"\x7fELF\x02\x01\x01" + bytes(100))
leave("data.json", b"PK\x03\x04" + bytes(100))
leave("report.pdf", "#!/bin/sh\nid\n")
leave("image.jpg", bytes(100))
