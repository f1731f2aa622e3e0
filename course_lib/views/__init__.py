"""Trace or numbers in, picture and its text alternative out. Nothing here knows a pattern.

spacetime is the diagram of every lesson, and plan, scale, frame, messages, marks, labels, captions, density, text and
style are its parts. axes (drawn by hand), figures (matplotlib), table, picture and palette serve all others: topology,
topology_words, failover and slots (lesson 01), rollout and keyspace (02), limiters (03), holders, holder_signs and
validity (04), crowd and charts (05).
"""
