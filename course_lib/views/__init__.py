"""Trace or numbers in, picture and its text alternative out. Nothing here knows a pattern or a lesson.

spacetime is the diagram of every lesson, a package with its parts; scale, labels and style serve it and others. axes
(drawn by hand), figures (matplotlib), table, picture and palette are what the lessons' pictures are made of. topology
and topology_words draw running servers; expiries is the chart of keys that expire together.
"""
