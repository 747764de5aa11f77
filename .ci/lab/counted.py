"""How many frames of tap0 two processes counted, one of which was killed, from their events as JSON.

What the first had judged, its ring remembers, and the second tells when it goes on; what the second
judged stands in its ledger when it is stopped.
"""
import json
import sys

judged = ledger = 0
for line in sys.stdin:
    event = json.loads(line)
    if event["IM_EVENT"] == "capture.resumed":
        judged = int(event["IM_JUDGED"])
    elif event.get("IM_LEDGER") == "capture:tap0":
        ledger = int(event["IM_IN"])
print(judged + ledger)
