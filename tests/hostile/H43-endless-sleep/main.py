import os
import signal

from attack import leave

leave("before.txt")
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signal.alarm(90)
os.read(os.pipe()[0], 1)
