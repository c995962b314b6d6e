"""Nouvelle campagne: message, list, options, then a look at what would be sent; the same intake as by mail takes it."""
