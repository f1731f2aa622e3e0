"""Lesson 00, start here: a slow shop, a cache in front of its database, and the instruments of the course. Its modules."""
