import time

from attack import leave, link

leave("good.txt")
if link("b", "a") and link("a", "b"):
    for number in range(20_000):
        link("a", f"link-{number}")
    time.sleep(5)
