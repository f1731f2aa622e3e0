"""Whether other libraries' checkers find histories linearizable, or serializable.

A line has {"registers": […], "transactions": […]}; the answer has, for each library that is there, its verdicts on
both; null where it has no such checker. A history of a register lists what happened: ["begins", number, name, argument]
or ["ends", number, result]. Transactions list the operations of each: ["append" or "read", item, value or list].
"""

from __future__ import annotations

import json
import sys


def by_detangle(registers, transactions):
    from detangle import lin

    found = []
    for happened in registers:
        history, calls = lin.History(), {}
        for what, number, *rest in happened:
            if what == "begins":
                calls[number] = history.invoke(number, *rest)
            else:
                history.ok(calls[number], *rest)
        found.append(bool(history.check(lin.Register()).ok))
    return found, None


def by_simloom(registers, transactions):
    import simloom

    found = []
    for happened in registers:
        history, calls = simloom.RegisterHistory(), {}
        for what, number, *rest in happened:
            if what == "begins":
                name, argument = rest
                given = () if name == "read" else argument if name == "cas" else (argument,)
                calls[number] = history.invoke("x", name, *given, process=number)
            else:
                calls[number].complete(*rest)
        found.append(bool(simloom.check_linearizable(history)))
    serial = []
    for those in transactions:
        history = simloom.History()
        for process, operations in enumerate(those):
            history.record([tuple(one) for one in operations], process=process)
        serial.append(bool(simloom.check_serializable(history)))
    return found, serial


def main():
    for line in sys.stdin:
        asked, said = json.loads(line), {}
        for name, asks in (("detangle", by_detangle), ("simloom", by_simloom)):
            try:
                __import__(name)
            except ImportError:
                continue
            said[name] = asks(asked["registers"], asked["transactions"])
        print(json.dumps(said), flush=True)


main()
