"""The lessons: one folder each, over the kits. Of the kits only `grading` looks here, for the lesson of an exercise.

Within a folder, the first word of a module's name says its layer: `experiment_…` runs a pattern under a workload and
returns numbers, and `picture_…` draws numbers. `lab` has the controls, `programs` is what learners read and break, and
`exercises/` judges their answers. Lesson 01's experiments run on real servers, and its exercises are simulated;
elsewhere a module named `…real` runs on real ones, and a lesson's map names what else.
"""

LESSONS = {
    "00": "cache_aside", "01": "topologies", "02": "keys", "03": "atomicity", "04": "locks", "05": "stampedes",
    "06": "invalidation", "07": "beyond_caching", "08": "capstone",
}  # fmt: skip
"""The folder of each lesson, by its number: the only place in the code that counts them."""
