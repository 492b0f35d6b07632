"""Salesforce: accounts, contacts, opportunities, orders, contracts, cases; and receivables status written back."""
