"""Figures of a campaign: rates, zones that people click, and when it will have gone out."""
