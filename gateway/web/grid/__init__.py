"""The details of a report: what is asked of them, the table, its filter and its columns."""
