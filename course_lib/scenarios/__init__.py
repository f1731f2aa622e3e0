"""One module a lesson: a pattern under a workload, and the numbers that the lesson's figures show. No widgets."""
