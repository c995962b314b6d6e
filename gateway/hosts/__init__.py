"""The own hosts of accounts: which may be one, whether it leads here, what is to be published."""
