"""What programs send and get, as pydantic models: they check requests, make answers, and write docs/openapi.json."""
