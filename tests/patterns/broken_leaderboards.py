"""Broken twins of the leaderboards: each has one thing wrong, named on the first line, and fails a test."""

from __future__ import annotations

from course_lib.patterns.leaderboards import ADD

# Wrong: it leaves ties to the sorted set, which orders them by their bytes.
TIES_BYTEWISE = ADD.replace("first = most - change", "first = 0").replace("last = change", "last = 0")

# Wrong: it writes a score that is too big to be exact.
NO_BOUND = ADD.replace("if math.abs(points) >= 2 ^ 53 / most or change >= most then return false end", "")

# Wrong: it does not know an event again.
COUNTS_AGAIN = ADD.replace(" or redis.call('EXISTS', KEYS[3]) == 1", "")

# Wrong: a change that changes nothing makes its member the last to get there.
MOVES_FOR_NOTHING = ADD.replace("points == had or ", "")

assert len({ADD, TIES_BYTEWISE, NO_BOUND, COUNTS_AGAIN, MOVES_FOR_NOTHING}) == 5
