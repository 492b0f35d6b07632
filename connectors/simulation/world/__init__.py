"""A seeded company with its hidden truth: customers, orders, invoices, cash, bank, CRM; one seed, one company."""
