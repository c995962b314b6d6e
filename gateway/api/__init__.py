"""The API: what programs ask for over HTTP, described once and served from that description."""
