{#-
  Views in one statement. dbt's own makes a second view and renames twice, three times the work, for a swap that
  `create or replace` does by itself; on PostgreSQL it then drops the old one and all that is built upon it, marts too.
-#}
{% materialization view, adapter='duckdb' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace view {{ target_relation }} as (
            {{ sql }}
        )
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#-
  PostgreSQL replaces a view in place as long as its columns stay (a new day, a mended expression): nothing that is
  built upon it is touched. Only where columns changed is it dropped, with what is built upon it, which the same build
  makes again; one at a time, or two such drops would wait for each other.
-#}
{% materialization view, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        do $otc_do$
        declare
            made constant text := $otc_view$create or replace view {{ target_relation }} as (
                {{ sql }}
            )$otc_view$;
        begin
            execute made;
        exception
            when invalid_table_definition then
                perform pg_advisory_xact_lock(hashtext('otc: a view with other columns'));
                drop view {{ target_relation }} cascade;
                execute made;
        end
        $otc_do$
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
