from attack import leave

inner = {
    "script": "<script>alert(1)</script>",
    "handler": "<rect onload='alert(1)'/>",
    "foreign": "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>",
    "external": "<image href='http://attacker.invalid/x.png'/>",
    "encoded": "<a href='&#106;avascript:alert(1)'><text>x</text></a>",
    "plain": "<path d='M0 0L1 1'/><use href='#a'/>",
}
for name, content in inner.items():
    leave(f"{name}.svg", f'<svg xmlns="http://www.w3.org/2000/svg">{content}</svg>')
leave("entity.svg", '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "x">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>')
leave("page.html", "<html><body>hello</body></html>")
