{#-
  Views in one statement. dbt's own makes a second view and renames twice, three times the work, for a swap that
  `create or replace` does by itself; on PostgreSQL it then drops the old one and all that is built upon it, marts too.
-#}
{% materialization view, default -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ replaced_view(target_relation, sql) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#- The statement that puts a view in place of the one that is there. -#}
{% macro replaced_view(relation, query) -%}
    {{ adapter.dispatch('replaced_view')(relation, query) }}
{%- endmacro %}

{% macro duckdb__replaced_view(relation, query) -%}
    create or replace view {{ relation }} as (
        {{ query }}
    )
{%- endmacro %}

{#-
  PostgreSQL replaces a view in place as long as its columns stay (a new day, a mended expression): nothing that is
  built upon it is touched. Only where columns changed is it dropped, with what is built upon it, which the same build
  makes again; one at a time, or two such drops would wait for each other.
-#}
{% macro postgres__replaced_view(relation, query) -%}
    do $otc_do$
    declare
        made constant text := $otc_view$create or replace view {{ relation }} as (
            {{ query }}
        )$otc_view$;
    begin
        execute made;
    exception
        when invalid_table_definition then
            perform pg_advisory_xact_lock(hashtext('otc: a view with other columns'));
            drop view {{ relation }} cascade;
            execute made;
    end
    $otc_do$
{%- endmacro %}
