"""Advice before sending: what was found in a mail, its list and its sender, and what to do about it."""
