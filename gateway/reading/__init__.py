"""What strangers sent is read here, in a process of its own with limits, and asked for from outside."""
