"""Trace or numbers in, picture and its text alternative out. Nothing here knows a pattern."""
