"""One module a connector, named as it: what the contract suite needs to know to test it."""
