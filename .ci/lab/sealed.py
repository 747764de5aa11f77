"""Prints what the threads of a process could still do that they should not. usage: sealed.py PID"""
import pathlib
import sys

NONE = "0" * 16
WANTED = {"CapInh": NONE, "CapPrm": NONE, "CapEff": NONE, "CapBnd": NONE, "CapAmb": NONE, "NoNewPrivs": "1", "Seccomp": "2"}
threads = sorted(pathlib.Path(f"/proc/{sys.argv[1]}/task").iterdir())
wrong = []
for thread in threads:
    status = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines())
    wrong += [f"{status['Name']}: {name} {status.get(name)}" for name in WANTED if status.get(name) != WANTED[name]]
print(f"{len(threads)} threads", *wrong, sep="\n")
# The main thread, two workers, who writes events, the watchdog, who counts losses, a capture and its analyser.
sys.exit(bool(wrong) or len(threads) < 8)
