{#-
  The days that the mart of measures holds: for legal entities and segments each of the last 7 days, for all the last 13
  month-ends; for customers the last three of those and today. As `measures` takes them: what a row is, and the day.
-#}
{% macro measure_days() -%}
    {%- set date = modules.datetime.date -%}
    {%- set today = date.fromisoformat(var('today') or run_started_at.strftime('%Y-%m-%d')) -%}
    {%- set ends = [] -%}
    {%- set first = namespace(day=today.replace(day=1)) -%}
    {%- for nth in range(13) -%}
        {%- set end = first.day - modules.datetime.timedelta(days=1) -%}
        {%- do ends.append(end.isoformat()) -%}
        {%- set first.day = end.replace(day=1) -%}
    {%- endfor -%}
    {%- set recent = [] -%}
    {%- for nth in range(7) -%}
        {%- do recent.append((today - modules.datetime.timedelta(days=nth)).isoformat()) -%}
    {%- endfor -%}
    {%- set asked = [] -%}
    {%- for day in (ends + recent) | unique | sort -%}
        {%- do asked.append(('legal_entity', day)) -%}
        {%- do asked.append(('segment', day)) -%}
        {%- if day in ends[:3] or day == today.isoformat() -%}
            {%- do asked.append(('party', day)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(asked) }}
{%- endmacro %}
