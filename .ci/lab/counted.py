"""How many packets of numbered.py were told as corrupt, from entries of the journal as JSON lines.

Names each sender of which more than its 250 were told. Beyond a few pairs of hosts in a window, the
rest is told as one number, without a sender.
"""
import collections
import json
import sys

told = collections.Counter()
for line in sys.stdin:
    event = json.loads(line)
    told[event.get("IM_SOURCE_HOST")] += int(event["IM_FAILED"])
print(sum(told.values()), *(host for host, failed in told.items() if host and failed > 250))
