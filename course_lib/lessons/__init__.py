"""The lessons: one folder for each, over kits that know none of them.

Within a folder, the first word of a module's name says its layer: `experiment_…` runs a pattern under a workload and
returns numbers, `picture_…` draws numbers, `lab` has the controls, `programs` is what learners read and break, and
`exercises/` judges their answers. What ends in `real` runs on servers that it starts; the rest is simulated.
"""

LESSONS = {"01": "topologies", "02": "keys", "03": "atomicity", "04": "locks", "05": "stampedes"}
"""The folder of each lesson, by its number: the only place that counts them."""
