"""Making and signing mails, and the resolver: used by both sides (floor 1)."""
