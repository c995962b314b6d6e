"""Settings, logging and the data an operator edits (floor 0)."""
