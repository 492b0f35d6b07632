"""Mail over SMTP: told to people, over TLS, with a login, patient with servers that say later."""
