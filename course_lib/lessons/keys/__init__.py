"""Lesson 02, name and version keys: a rolling deploy, a flush, an audit."""
