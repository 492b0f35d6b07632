{{ stage_raw('tryton', 'parties__personal', raw='parties__personal', renamed={'tax_id': 'tax_identifier'}) }}
