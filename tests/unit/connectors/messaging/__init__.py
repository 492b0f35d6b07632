"""What single channels do that the contract suite does not ask of all."""
