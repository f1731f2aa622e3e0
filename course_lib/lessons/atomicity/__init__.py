"""Lesson 03, make it atomic with Lua: lost updates and rate limiters."""
