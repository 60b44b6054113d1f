from attack import leave

leave("deep.json", "[" * 100_000 + "]" * 100_000)
leave("digits.json", "[" + "9" * 5000 + "]")
leave("nan.json", "NaN")
leave("infinite.json", "[1e999, -1e999]")
leave("doubled.json", '{"a": 1, "a": 2, "__proto__": {"admin": true}}')
leave("surrogate.json", '["\\ud800"]')
print('{"a": "\\ud800"}')
