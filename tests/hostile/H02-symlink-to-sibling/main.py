from attack import leave, link

leave("good.txt")
leave("folder/good.txt")
link("good.txt", "sibling")
link("../good.txt", "folder/up")
link("/outputs/good.txt", "absolute")
