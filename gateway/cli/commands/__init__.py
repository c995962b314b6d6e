"""What the commands of `mail2campaign` do, one module a family."""
