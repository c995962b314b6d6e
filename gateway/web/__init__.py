"""HTTP: tracking, unsubscribing, the report and its exports."""
