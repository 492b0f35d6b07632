"""A stateful fake of Salesforce's wire on loopback: OAuth, REST, Bulk 2.0 and Bulk 1.0 queries, with faults.

    with serve(folder) as crm:
        crm.load({"Account": [{"Name": "Acme", "OTC_Customer_Key__c": "C-1"}]})
        crm.url, crm.ca_bundle, crm.client_id, crm.client_secret

Imported by the demo and tests only.
"""

from connectors.crm.salesforce.simulator.company import project_world
from connectors.crm.salesforce.simulator.serving import SalesforceSimulator, main_serve, serve

__all__ = ["SalesforceSimulator", "main_serve", "project_world", "serve"]
