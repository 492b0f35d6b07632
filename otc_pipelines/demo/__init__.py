"""The demo: a seeded company behind simulated vendors, one whole pass over it, and what came of it beside the truth.

Belongs here: starting, configuring and showing. Not here: the company (``connectors/simulation/world``) and the pass.
"""
