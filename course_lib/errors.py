"""Every named failure of the course, so that a message can say what was wrong and what to do.

A pattern raises one of these for a broken promise. An expected "no" is a value (`None` or `False`), not an error.
"""

from __future__ import annotations


class CourseError(Exception):
    """Base of every error that the course raises on purpose."""


# -- patterns ---------------------------------------------------------------------------------------------------------


class BadArgument(CourseError, ValueError):
    """An argument lies outside the range that the docstring states."""


class LoadTimeout(CourseError):
    """A waiter's deadline passed before the value that another client was loading arrived."""


class LockTimeout(CourseError):
    """Others held the lock for as long as the caller was willing to wait."""


class LockLost(CourseError):
    """A lease ended before its holder released it, or cannot be extended any further."""


class StaleFence(CourseError):
    """A newer holder of the lock has already written; nothing was changed."""


class OutOfRange(CourseError):
    """A number would have left the range in which it is exact; nothing was changed."""


# -- worlds -----------------------------------------------------------------------------------------------------------


class Deadlock(CourseError):
    """Every simulated client waits for another and no timer is left to wake one."""


class OutOfBudget(CourseError):
    """A simulation ran past its allowance of steps or of virtual time; it probably loops forever."""


class Unrepeatable(CourseError):
    """The same schedule, played twice, gave two runs: state outlives a run, or randomness comes from outside."""


# -- servers ----------------------------------------------------------------------------------------------------------


class NoServer(CourseError):
    """No Redis or Valkey server binary was found on this machine."""


class ServerFailed(CourseError):
    """A server process did not start, or stopped when it should not have."""


class NoEngine(CourseError):
    """No container engine that can run docker-compose.yml answers on this machine."""


class ServerNotEmpty(CourseError):
    """A server that was to be emptied holds keys, and nobody has allowed their deletion."""


# -- exercises --------------------------------------------------------------------------------------------------------


class UnknownExercise(CourseError, ValueError):
    """No exercise has the id that was given."""


class BadReplayCode(CourseError, ValueError):
    """A replay code that is mistyped, another exercise's or out of date."""


class BadRecord(CourseError):
    """A file in the place of the learner's progress file is something else; it is left as it is."""


# -- grading a class --------------------------------------------------------------------------------------------------


class NoSandbox(CourseError):
    """Nothing on this machine isolates a student's code from the grader, and nobody has allowed to do without."""
