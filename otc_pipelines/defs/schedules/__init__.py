"""When: the jobs, the schedules that start them, the sensors that react."""

from otc_pipelines.defs.schedules.alerting import alert_sensors
from otc_pipelines.defs.schedules.files import file_sensors
from otc_pipelines.defs.schedules.jobs import Jobs, jobs_of
from otc_pipelines.defs.schedules.times import follow_ups, schedules

__all__ = ["Jobs", "alert_sensors", "file_sensors", "follow_ups", "jobs_of", "schedules"]
