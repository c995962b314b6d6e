"""Webhooks: events of an account told to an address of its own, signed, in order, tried again."""
