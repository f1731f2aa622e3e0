"""What learners hand in for 04.4."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.explore import OneFault


@dataclass(frozen=True)
class Finding:
    """A fault that breaks the writer without a fence, and the client whose write the fence refuses then."""

    fault: OneFault
    refused: str
