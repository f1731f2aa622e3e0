"""What an instructor has in front of a class, beside the decks: a shop to break, and a window with the notes.

- `presses`       what can be pressed, and a list of presses as a replay code
- `ledger`        what became of the shop's promises
- `shop_world`    what the shop stands on: a world, and what can be done to its servers
- `shop`          the scene: readers of a page, workers with a lock, a till; in two versions, in any world
- `simulated`     the shop in virtual time
- `real`          the shop on real servers, with their Sentinels
- `consequences`  what followed each press, in words
- `failure_deck`  the failure deck: a key for each failure, and the theatre
- `script`        the steps of a deck, with what its notes say
- `window`        the presenter's window: notes, next step, clock, and the keys of the failure deck
"""

from course_lib.lazy import lazy

# What a notebook or a console may import.
__getattr__ = lazy(__name__, {"failure_deck": "failures", "window": "presenter", "course_lib.widgets.deck": "deck"})
