"""The times at which jobs start by themselves, off until somebody turns them on; the job that follows another."""

from typing import Any

import dagster as dg

from otc_pipelines.defs.schedules.jobs import Jobs
from otc_pipelines.settings import Instance


def schedules(instance: Instance, jobs: Jobs) -> list[dg.ScheduleDefinition]:
    """Pull, delivery and close of day, when the configuration says, in the company's time zone."""
    zone, times = instance.company.timezone, instance.schedules

    def at(name: str, cron: str, job: Any, description: str) -> dg.ScheduleDefinition:
        return dg.ScheduleDefinition(
            name=name, cron_schedule=cron, job=job, execution_timezone=zone, description=description
        )

    found = [
        at("scheduled_pull", times.pull, jobs.pull, "What is new of every source; the build follows."),
        at("close_of_day", times.close_of_day, jobs.close_of_day, "The day's aging, frozen before it ends."),
    ]
    if jobs.deliver is not None:
        found.append(at("scheduled_delivery", times.delivery, jobs.deliver, "What the gates let pass."))
    return found


def follow_ups(jobs: Jobs) -> list[dg.SensorDefinition]:
    """The build follows each pull, also one of which a source failed: it stops the others' rows at nothing."""
    found: list[dg.SensorDefinition] = []
    for status, name in (
        (dg.DagsterRunStatus.SUCCESS, "build_after_pull"),
        (dg.DagsterRunStatus.FAILURE, "build_after_failed_pull"),
    ):

        @dg.run_status_sensor(
            run_status=status,
            name=name,
            monitored_jobs=[jobs.pull],
            request_job=jobs.build,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description=f"Build when a pull has ended ({status.value.lower()}).",
        )
        def follow(context: dg.RunStatusSensorContext) -> dg.RunRequest:
            return dg.RunRequest(run_key=context.dagster_run.run_id)

        found.append(follow)
    return found
