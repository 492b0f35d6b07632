"""The file drop: any ERP without an API, other people's exports, and the way in for a migration."""
