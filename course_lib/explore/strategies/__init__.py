"""How a search chooses its schedules, a strategy a module."""
