"""The sending side: leases recipients, renders, speaks SMTP, writes outcomes (floor 2; never imports gateway)."""
