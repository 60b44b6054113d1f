steer = "\x1b[2J\x1b]0;title\x07\x9b31m\x07\r\u202e\u2066cleared\x1bc"
print(steer)
raise ValueError(steer)
