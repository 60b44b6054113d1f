import os

platform = ("KUBERNETES", "AWS", "MINIO", "S3", "FUMEHOOD", "GOOGLE", "AZURE", "VAULT", "K8S", "POD_", "NODE_")
for name, value in os.environ.items():
    if name.startswith(platform) or any(word in name for word in ("SECRET", "TOKEN", "PASSWORD", "KEY", "_SERVICE_", "_PORT")):
        print("ESCAPED", name, value)
print("looked", sorted(os.environ))
