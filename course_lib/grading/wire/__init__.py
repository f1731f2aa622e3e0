"""Judged on the wire: a submission's code runs in children in a sandbox, and everything that judges it here.

    judge_submission(cells, {"04.1": "release"}, secret=…, student=…, limits=…, unsafe=False)   # of `submission`

Here, in the grader:
- `submission`   judges one submission, exercise by exercise: status, sentence, verdict
- `check`        the notebook's check of an answer that runs elsewhere, with the student's own seeds
- `children`     the fork server of a submission and its children, and how each ended
- `one_core`     keeps the judge and its children on one core of the machine

In the sandbox:
- `fork_server`  imports everything once, and forks the children of each exercise before any of the student's code runs
- `judged`       a child: holds the answer, accepts or refuses it
- `cells`        runs the notebook's cells down to the answer
"""
