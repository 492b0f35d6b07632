"""Inboxes on servers nobody here wrote: OpenSSH's SFTP and moto's S3."""
