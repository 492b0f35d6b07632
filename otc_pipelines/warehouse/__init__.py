"""The only door to warehouse SQL: connections, transactions, the ``ops`` schema, the lock, the published copy.

Nothing outside this package opens the warehouse (dbt apart, which has its own adapter).
"""

from otc_pipelines.warehouse.door import Role, Tx, Warehouse, WarehouseError
from otc_pipelines.warehouse.embedded import EmbeddedWarehouse
from otc_pipelines.warehouse.parameters import quoted

__all__ = ["EmbeddedWarehouse", "Role", "Tx", "Warehouse", "WarehouseError", "quoted"]
