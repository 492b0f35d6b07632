"""A webhook: told to programs, as signed JSON over HTTPS."""
