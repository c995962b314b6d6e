"""Mail in, campaigns, truth about them: the listener, intake, answers, returns, web pages and commands (floor 2)."""
