"""Talks to vendors and knows nothing of what stands above it: no Dagster, no dbt, no warehouse."""
