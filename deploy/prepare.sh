#!/bin/sh
# Write what a deployment keeps secret, once, into deploy/secrets (or the folder named): passwords, a certificate, users.
#   deploy/prepare.sh [FOLDER] [HOST NAME]     then put the vendors' secrets into code.env
# What is there already stays as it is. The certificate is self-signed: put your own over tls.crt and tls.key.
set -eu
folder=${1:-$(dirname "$0")/secrets}
host=${2:-otc.example.com}
# Containers read single files of it as users of their own, so that the folder, not the files, keeps others of the host out.
umask 022
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
made() { [ ! -e "$1" ] && echo "writing $1"; }
random() { openssl rand -hex 24; }
for name in postgres_password warehouse_password dagster_password; do
  if made "$name"; then random | tr -d '\n' >"$name"; fi
done
# The driver is named because SQLAlchemy would take another one.
dagster="postgresql+psycopg2://dagster:$(cat dagster_password)@postgres:5432/dagster"
if made dagster.env; then echo "OTC_DAGSTER_URL=$dagster" >dagster.env; fi
if made code.env; then
  {
    echo "OTC_DAGSTER_URL=$dagster"
    echo "OTC_WAREHOUSE_URL=postgresql://otc:$(cat warehouse_password)@postgres:5432/otc"
    echo "# Whatever otc.yaml names as \${NAME}:"
  } >code.env
fi
if made tls.key; then
  openssl req -x509 -newkey rsa:3072 -sha256 -nodes -days 825 -keyout tls.key -out tls.crt \
    -subj "/CN=$host" -addext "subjectAltName=DNS:$host" 2>/dev/null
  chmod 644 tls.key
fi
if made users.htpasswd; then
  first=$(random)
  echo "operator:$(openssl passwd -6 "$first")" >users.htpasswd
  echo "the first user is operator with the password $first; it is kept nowhere else"
fi
