"""Mail in by SMTP: ports, dialogue, limits, and the proof of who sends."""
