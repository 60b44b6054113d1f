from attack import leave

inner = {
    "javascript": "/S /JavaScript /JS (app.alert(1))",
    "escaped": "/S /Java#53cript",
    "open": "/OpenAction 4 0 R",
    "launch": "/S /Launch /F (calc.exe)",
    "embedded": "/Names << /EmbeddedFiles 5 0 R >>",
    "compressed": "/Type /ObjStm /N 1 /First 4",
    "plain": "/Type /Page /MediaBox [0 0 1 1]",
}
for name, content in inner.items():
    leave(f"{name}.pdf", f"%PDF-1.7\n1 0 obj\n<< {content} >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n")
