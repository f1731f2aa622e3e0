"""redlock-ng: `redlock_ng.py URL…` enters a `with` block while another holds the lock, and says what it got there."""

import sys

from redlock import Redlock
from talk import say

with Redlock(sys.argv[1:], retry_count=0).lock("job", 60_000) as lock:
    say({"the block": "runs", "valid": lock.valid})
