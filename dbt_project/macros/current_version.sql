{#-
  The version of each row that counts now: the last by (recorded_at, loaded_at, file, line, content); tombstones are out.
  Takes a relation of versions, gives the same columns.
-#}
{% macro current_version(versions, entity) -%}
select
    connector,
    source_system,
    {%- for name, type in entity_columns(entity) + version_columns(entity) %}
    {{ column(name) }}{{ ',' if not loop.last }}
    {%- endfor %}
from (
    select
        v.*,
        row_number() over (
            partition by v.source_system, v.row_key
            order by
                v.recorded_at desc, v.loaded_at desc, coalesce(v.source_file, '') desc, coalesce(v.source_line, 0) desc,
                v.row_hash desc
        ) as nth
    from {{ versions }} as v
) as ordered
where nth = 1 and not deleted
{%- endmacro %}
