from attack import leave, link

link("/", "d")
link("/proc/self/root", "e")
leave("good.txt")
