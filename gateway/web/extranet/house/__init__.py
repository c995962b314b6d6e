"""Passerelle: what operators of the gateway look after, over all accounts."""
