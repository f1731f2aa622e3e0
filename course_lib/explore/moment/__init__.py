"""A moment of a run, opened: what Redis held, where each client stood in its code and what it believed, and which
promises were still true.

- `states`   what is known of a moment
"""

from course_lib.explore.moment.states import ClientState, Frame, KeyState, Local, PromiseState, State
from course_lib.explore.trial import Fact

__all__ = ["ClientState", "Fact", "Frame", "KeyState", "Local", "PromiseState", "State"]
