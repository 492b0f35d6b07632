{{ stage_raw('salesforce', 'crm_contacts', raw='contacts', renamed={'contact_id': 'id'}) }}
