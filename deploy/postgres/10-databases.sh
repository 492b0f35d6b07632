#!/bin/sh
# Run once, by the PostgreSQL image, on an empty volume: a database and an owner for the warehouse, another for Dagster.
# Neither may look into the other's; the roles inside the warehouse are made by `otc init --warehouse`, as postgres.
set -eu
password() { cat "/run/secrets/$1"; }
psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres \
  --set warehouse="$(password warehouse_password)" --set dagster="$(password dagster_password)" <<'SQL'
create role otc login password :'warehouse';
create role dagster login password :'dagster';
create database otc owner otc template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C';
create database dagster owner dagster template template0 encoding 'UTF8';
revoke all on database otc from public;
revoke all on database dagster from public;
SQL
