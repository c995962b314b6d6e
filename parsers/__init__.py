"""Pure readers of everything a stranger can send: no I/O, no asyncio, nothing else of ours (floor 0)."""
