"""Backups: one file that holds everything a gateway needs to live again."""
