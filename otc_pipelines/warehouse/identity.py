"""What makes a warehouse this instance's own: values made once, at random, and kept in it."""

from __future__ import annotations

import secrets

from otc_pipelines.warehouse.door import Tx


def salt(tx: Tx) -> bytes:
    """Return the key of this instance's pseudonyms; made at the first call."""
    found = tx.scalar("select value from ops.instance where name = 'pseudonym_salt'")
    if found is None:
        found = secrets.token_hex(32)
        tx.insert("ops.instance", [{"name": "pseudonym_salt", "value": found}])
    return bytes.fromhex(str(found))
