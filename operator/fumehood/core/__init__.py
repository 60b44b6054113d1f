"""Pure logic: no clock, no I/O, no client. What is here is a function of its arguments."""
