{#-
  The columns of a version, for a staging model that makes its own rows of a raw table's: the raw version's, but for
  `key` (the row's own key), and where given `recorded_at` and `deleted`. Every version that was once there must stay
  there: posting compares what it knew at the last load with what it knows now.
-#}
{% macro raw_version(raw, key, recorded_at=none, deleted=none) -%}
    {{ recorded_at or raw ~ '.recorded_at' }} as recorded_at,
    {{ raw }}.recorded_by_source,
    {{ deleted or raw ~ '.deleted' }} as deleted,
    {{ raw }}._extra as extra,
    {{ key }} as row_key,
    {{ raw }}._row_hash as row_hash,
    {{ raw }}._loaded_at as loaded_at,
    {{ raw }}._load_id as load_id,
    {{ raw }}._file as source_file,
    {{ raw }}._line as source_line
{%- endmacro %}
