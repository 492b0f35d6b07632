"""What simulators share: the seeded company and its hidden truth, a loopback server, a state store, injected faults.

Imported by simulators, the demo and tests only; nothing that runs in production reaches in here.
"""
