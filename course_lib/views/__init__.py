"""Trace or numbers in, picture and its text alternative out. Nothing here knows a pattern or a lesson.

- `picture`          a picture: one SVG element, its text alternative, a style sheet of its own
- `room`             how wide a picture is drawn
- `palette`          the colors and marks that every lesson shares
- `projected`        the same with more contrast, for a projector
- `spacetime`        a folder: the space-time diagram of a trace
- `circle`           orders that cannot all be kept, as arrows that come round
- `theatre`          a folder: a trace as a play, for the theatre of `course_lib.widgets`
- `axes`             panels over one axis of time, drawn by hand: what the picture of a lab is made of
- `figures`          matplotlib's charts as pictures
- `expiries`         a chart: when keys expire that were written together
- `labels`           places for labels, so that none covers another
- `table`            rows of numbers
- `topology`         running servers as boxes and arrows
- `topology_words`   the same in words
"""
