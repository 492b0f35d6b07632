"""What is read from Tryton: the entities as they land, and the model and fields that each comes from."""
