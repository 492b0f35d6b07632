"""The way through the house as plain functions: `otc run` calls them in order, Dagster calls them as assets."""
