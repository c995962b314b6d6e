"""Exports that take longer than a download: asked for, made in the background, fetched when they are ready."""
