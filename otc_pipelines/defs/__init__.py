"""The flow as Dagster shows and runs it: thin rooms in flow order, each calling the plain steps of ``flow/``.

Belongs here: asset keys, dependencies, metadata, jobs, schedules, sensors. Not here: any work.
"""
