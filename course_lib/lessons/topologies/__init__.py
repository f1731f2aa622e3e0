"""Lesson 01, choose a topology: real servers, killed, paused and cut off."""
