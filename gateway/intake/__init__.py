"""From a mail in the spool to a campaign: the steps, the rules, the lines of its list."""
