"""Lesson 04, lock with care: who holds a lock, and who believes it."""
