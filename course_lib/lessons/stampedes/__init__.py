"""Lesson 05, survive the stampede: a crowd at one key that expires."""
