"""The pages of people who log in, all under one path (`gate.HOME`), so that their cookie reaches no other page."""
