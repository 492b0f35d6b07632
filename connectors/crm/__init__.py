"""Customer relationship systems: who the customer is, and where status is written back."""
