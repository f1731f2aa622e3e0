"""What a script and the test that runs it say to each other: lines of JSON."""

import json
import sys


def say(what):
    print(json.dumps(what), flush=True)


def hear():
    return json.loads(sys.stdin.readline() or "null")


def listen(faults):
    """Show the fault that the command line names: `script.py FAULT URL…`; what it returns is said last."""
    shown = faults[sys.argv[1]](*sys.argv[2:])
    if shown is not None:
        say(shown)
