raise ValueError(
    "\n".join(
        [
            "https://user:hunter2@db.example/data",
            "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dBjftJeZ4CVPmB92K27uhbUJU1p1r",
            "key AKIA" + "IOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG",
            "PASSWORD: hunter2",
            "{'token': 'hunter2'}",
            "ghp_" + "0123456789abcdef0123456789abcdef0123",
            "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123456789\n-----END RSA PRIVATE KEY-----",
            'File "/opt/fumehood/lib/python3/fumehood_sandbox/runner.py", line 3, in run',
            "/run/fumehood/order.json http://192.0.2.1/b/k?X-Amz-Signature=0123456789abcdef0123&X-Amz-Date=1",
        ]
    )
)
