"""`doctor`: what is wrong with a gateway, each thing with a sentence and a remedy."""
