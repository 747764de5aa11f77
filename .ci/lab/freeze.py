"""Stops one thread of a process, and no other, until the process is gone. usage: freeze.py TID"""
import ctypes
import os
import sys

SEIZE, INTERRUPT, ALL = 0x4206, 0x4207, 0x40000000  # ptrace(2), waitpid(2)
tid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
for request in SEIZE, INTERRUPT:
    if libc.ptrace(request, tid, None, None) != 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
while os.WIFSTOPPED(os.waitpid(tid, ALL)[1]):
    pass
