"""Rows: tables, words and verbs of everything that is kept (floor 1)."""
