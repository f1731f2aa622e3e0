"""Checks that teach: `check` judges an answer, `hint` helps, `replay` shows a run again, `progress` how far you are.

    from course_lib.grading import check, hint, progress, replay, solution
    check("05.1", load_once)

What a notebook calls, and what it shows:
- `checker`             an answer under many schedules, or one schedule again → a verdict
- `verdict`             each promise kept or broken, points, the smallest failing schedule: as a page and as text
- `facts`               the two facts that break a promise, where its judge names none
- `proof`               what the search saw: commands, faults, lines of the answer; a run played twice is the same
- `schedules_tried`     how many schedules were tried, in words
- `page`                the frame and the style of what is shown
- `opened_run`          the run that a verdict shows, played again and opened at each step
- `hints`               the next hint, when it is asked for
- `solution`            the worked solution, once an answer has passed, and what it does differently
- `two_sources`         two answers as code, compared
- `on_the_wire`         two answers as what they send, compared
- `progress_page`       how far the learner is, by lesson
- `record`              the file in which that is kept
- `bar`                 a bar for a check that takes longer than a second
- `guard`               keeps a check from hanging, puts back what was replaced, makes its text the same each time

How an exercise is judged:
- `exercise`            its words and its rules: the only module of a kit that looks up a lesson
- `rules`               trials, each with a judge for every promise it tests; and clues, which name known mistakes
- `answer`              is this an answer at all? What cannot be judged is refused in words
- `asked_again`         does a plain function say the same after it was asked about others?
- `calls`               a call of the learner's code, of which nothing outlives the run
- `acts`                processes that do one thing after another, and what became of each
- `database`            the database behind a judged cache: its loads are noted
- `evidence`            what a trace says of loads, faults and round trips
- `lock_commands`       how a lock was taken, read from a trace; clues use it
- `lock_watch`          every change of a lock on its nodes; keys that nobody was to write
- `key_log`             what the server holds under its keys after each command, and for how long
- `readers`             readers that come at any moment, and store again what was deleted
- `caller_errors`       a server that refuses a command, and whether its error goes to the caller
- `break_it`            the frame of exercises in which a fault or an order is to break a program
- `write_the_property`  the frame of exercises in which the answer is a property, judged on recorded runs

A class, in one command:
- `__main__`            the command; what it does is in the folder `batch`
- `bounds`              how much memory and time the grader itself may use
- `wire`                a submission judged while its code runs in child processes
- `sandbox`             what isolates the child process in which a student's code runs

For authors:
- `make_exercises`      exercises/ from solutions/
"""

from course_lib.grading.checker import check, replay
from course_lib.grading.hints import hint
from course_lib.grading.progress_page import progress, reset_progress
from course_lib.grading.solution import solution
from course_lib.grading.verdict import Property, Verdict

__all__ = ["Property", "Verdict", "check", "hint", "progress", "replay", "reset_progress", "solution"]
