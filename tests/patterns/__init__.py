"""Tests of the pattern book: one contract suite in every world, then each chapter's own promises in simulation."""
