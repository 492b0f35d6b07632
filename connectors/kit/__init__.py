"""What every connector is built from: the contract, HTTP, SQL reading, errors, money, redaction, validation."""
