"""The certificates of this gateway: which is served under which name, and how the gateway gets and renews its own."""
