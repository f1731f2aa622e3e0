"""A class in one command: `python -m course_lib.grading SUBMISSIONS --out REPORT`. A judge runs the answers.

    from course_lib.grading.batch.runner import grade
    grade(Path("submissions"), Path("report"), judge=judge_submission, executor=None)

What comes in:
- `judge_interface`    what is handed to a judge, and what it hands back: plain data
- `handout`            which exercises the notebooks in exercises/ ask for, and what each answer is called
- `folders`            who handed in what: SUBMISSIONS/<student>/<NN_topic>.ipynb; no link is followed out of it
- `notebook_file`      any file at all, as a list of cells
- `magics`             lines that only IPython understands, taken out of a cell
- `answers`            which cell is the answer to which exercise

How it is judged:
- `results`            what became of an exercise, as it is kept and shown: judged, and what the course says of it
- `task`               one notebook of one student, judged in a worker
- `records`            one file for each judged notebook, so that a second run goes on where the first stopped
- `pool`               worker processes that end with this one, and of which one may die
- `dispatch`           tasks on any executor, a few at a time; a worker that dies costs one of them
- `runner`             the whole: find, judge what is not judged yet, write the report
- `shards`             a part of a class on one machine, and the parts put together again

What comes out:
- `overrides`          scores that were set by hand, with their reasons
- `class_record`       a class as it is reported: students, lessons, results, what was set by hand
- `report`             writes all of the files below
- `tables`             scores.csv, gradebook.csv and remarks.csv, in which no name is a formula
- `filled_gradebook`   a gradebook that Canvas or Moodle has exported, filled in
- `gradescope`         results.json for each student
- `gradescope_zip`     an autograder to upload to Gradescope
- `pages`              what all pages share: frame, style, light and dark
- `student_page`       the page of one student, and the list of all pages
- `class_page`         statistics to teach with, without names

How it is asked for:
- `options`            the command's options
- `commands`           what the command does
- `one_notebook`       the class's judge on a notebook of one's own
- `sample_class`       thirty made-up submissions to try it on
- `spoiled_notebooks`  the ways in which some of those are broken
"""
