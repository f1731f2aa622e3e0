"""A trace as a play: everything that a theatre shows, worked out once, so that the browser only plays it.

- `staged`     clients, nodes, keys, messages, the database and the lines of text, at their moments of the play
- `clock`      virtual time and the seconds of the play: what happens quickly is slowed down, what is idle is shortened
- `keyspace`   what the keys hold, as far as commands and replies tell
- `looks`      the colors: light, dark, and both for a projector
"""

from course_lib.views.theatre.looks import LOOKS
from course_lib.views.theatre.staged import Staged, staged

__all__ = ["LOOKS", "Staged", "staged"]
