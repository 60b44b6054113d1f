from attack import leave

for name in ("Plot.png", "plot.png", "caf\u00e9.txt", "cafe\u0301.txt", "STRASSE.txt", "stra\u00dfe.txt", "Folder", "folder/x"):
    leave(name, name)
