"""The `mail2campaign` command."""
