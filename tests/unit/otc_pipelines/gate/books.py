"""A small set of marts that tie out, made by hand, for tests of the gates.

Belongs here: the tables that the suites speak of, with a few rows. Not here: tests.
"""

# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

from otc_pipelines.gate import GuardedBatch
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse

ACCOUNTS = GuardedBatch("crm", "account_ar_status", "sync_salesforce__account_ar_status", "salesforce_main", "a" * 64)
ORDERS = GuardedBatch(
    "crm", "order_payment_status", "sync_salesforce__order_payment_status", "salesforce_main", "b" * 64
)
RECEIPTS = GuardedBatch("books", "receipt", "sync_tryton__receipt", "erp", "d" * 64)
NOTES = GuardedBatch("books", "party_ar_status", "sync_tryton__party_ar_status", "erp", "e" * 64)

_MOVEMENTS = """
    select movement_id, 'erp' as source_system, 'US' as legal_entity, 'P1' as party_id, item_type, item_id, no as installment_no,
        'invoice' as document_type, date '2026-01-01' as document_date, due as due_date, movement_type, cause as cause_entity,
        cause_id, date '2026-01-05' as effective_date, timestamptz '2026-01-05 00:00:00+00' as recorded_at,
        timestamptz '2026-01-06 00:00:00+00' as loaded_at, cast(amount as decimal(18,4)) as amount, 'USD' as currency,
        cast(amount as decimal(18,4)) as base_amount, 'USD' as base_currency, '1200' as gl_account, 'L' as posted_in_load,
        case when movement_type = 'allocation' then 'L1' end as allocation_id, case when movement_type = 'allocation' then 'x1' end as exchange_id
    from (values
        ('m1', 'installment', 'D1', 1, date '2026-01-10', 'document', 'documents', 'D1', 100.00),
        ('m2', 'installment', 'D2', 1, date '2026-03-01', 'document', 'documents', 'D2', 50.00),
        ('m3', 'receipt', 'R1', null, null, 'receipt', 'receipts', 'R1', -40.00),
        ('m4', 'receipt', 'R1', null, null, 'allocation', 'allocations', 'L1', 30.00),
        ('m5', 'installment', 'D1', 1, date '2026-01-10', 'allocation', 'allocations', 'L1', -30.00)
    ) as v(movement_id, item_type, item_id, no, due, movement_type, cause, cause_id, amount)
"""
_TABLES = (
    "create schema marts",
    "create schema outbound",
    f"insert into ops.ar_movement by name {_MOVEMENTS}",
    "create table marts.fct_ar_ledger as select *, source_system || ':' || party_id as party_key, 'posted' as posting_state"
    " from ops.ar_movement",
    """create table marts.fct_open_items as select *, cast(0 as decimal(18,4)) as pending_amount, open_amount as open_after_pending,
        open_amount as base_open_amount from (select source_system, legal_entity, party_id, party_key, item_type, item_id,
        installment_no, source_system || ':' || item_type || ':' || item_id || ':' || coalesce(cast(installment_no as text), '')
        as item_key, document_type, due_date, case when item_id = 'D1' then 21 else 0 end as days_late, currency,
        cast(sum(amount) as decimal(18,4)) as open_amount, base_currency, date '2026-01-31' as as_of
        from marts.fct_ar_ledger group by all)""",
    """create table marts.fct_ar_aging as select date '2026-01-31' as as_of, 'US' as legal_entity, 'erp' as source_system,
        'P1' as party_id, 'USD' as currency, cast(50 as decimal(18,4)) as not_due, cast(70 as decimal(18,4)) as d1_30,
        cast(0 as decimal(18,4)) as d31_60, cast(0 as decimal(18,4)) as d61_plus, cast(-10 as decimal(18,4)) as unapplied,
        cast(110 as decimal(18,4)) as total""",
    """create table marts.fct_receipts as select 'erp' as source_system, 'R1' as receipt_id, 'erp:R1' as receipt_key,
        cast(40 as decimal(18,4)) as amount, cast(30 as decimal(18,4)) as applied_amount, cast(0 as decimal(18,4)) as
        refunded_amount, cast(0 as decimal(18,4)) as reversed_amount, cast(10 as decimal(18,4)) as unapplied_amount,
        'received' as status, 'USD' as currency,
        cast(null as text) as bank_line_id""",
    """create table marts.fct_documents as select 'erp' as source_system, id as document_id, 'erp:' || id as document_key,
        'invoice' as document_type, 'posted' as status, 'USD' as currency, cast(face as decimal(18,4)) as amount,
        cast(open as decimal(18,4)) as open_amount from (values ('D1', 100, 70), ('D2', 50, 50)) as v(id, face, open)""",
    """create table marts.fct_tie_out as select 'US|1200|USD|2026-01-31' as tie_out_key, 'US' as legal_entity,
        '1200' as gl_account, 'USD' as currency, date '2026-01-31' as as_of, cast(110 as decimal(18,4)) as ledger_balance,
        cast(110 as decimal(18,4)) as control_balance, cast(0 as decimal(18,4)) as difference, cast(110 as decimal(18,4)) as
        base_ledger_balance, cast(110 as decimal(18,4)) as base_control_balance, cast(0 as decimal(18,4)) as base_difference,
        'tied' as status""",
    """create table marts.fct_roll_forward as select 'US|USD|2026-01-01' as roll_forward_key, 'US' as legal_entity,
        'USD' as currency, date '2026-01-01' as period_start, 0.00 as opening, 150.00 as billed, 0.00 as credited,
        -40.00 as cash_received, 0.00 as cash_returned, 0.00 as adjusted, 0.00 as voided, 0.00 as fx, 110.00 as closing,
        0.00 as residual, 0.00 as base_opening, 150.00 as base_billed, 0.00 as base_credited, -40.00 as base_cash_received,
        0.00 as base_cash_returned, 0.00 as base_adjusted, 0.00 as base_voided, 0.00 as base_fx, 110.00 as base_closing,
        0.00 as base_residual""",
    """create table marts.fct_fx_realised as select 'm4' as fx_realised_key, 'erp' as source_system, 'US' as legal_entity,
        'L1' as allocation_id, 'x1' as exchange_id, date '2026-01-05' as effective_date, 'USD' as currency,
        -30.00 as document_amount, 'USD' as source_currency, 30.00 as source_amount, -30.00 as document_base_amount,
        30.00 as source_base_amount, 0.00 as realised_fx, 'realised' as status""",
    """create table marts.fct_source_totals as select 'erp:documents:US:USD:amount' as source_total_key, 'erp' as source_system,
        'documents' as entity, 'US' as legal_entity, 'USD' as currency, 'amount' as column_name, 2 as rows_there, 2 as rows_here,
        cast(150 as decimal(38,4)) as amount_there, cast(150 as decimal(38,4)) as amount_here, 0 as quarantined,
        'tied' as status, cast(null as text) as reason, cast(null as text) as named""",
    """create table marts.fct_bank_lines as select 'bank' as source_system, 'B1' as bank_line_id,
        cast(50 as decimal(18,4)) as amount, 'pending' as match_status, 'booked' as bank_status""",
    """create table marts.fct_match_decisions as select 'bank' as bank_source, 'B1' as bank_line_id, true as is_current,
        'applied' as outcome, cast(null as text) as receipt_id, 'erp' as document_source, 'D2' as document_id,
        cast(1 as bigint) as installment_no, cast(50 as decimal(18,4)) as amount, cast(0.99 as decimal(9,6)) as score""",
    """create table marts.fct_bank_statements (source_system text, account_ending text, format text, sequence_no text,
        to_date date, opening_balance decimal(18,4), missing_from_no bigint, missing_to_no bigint,
        balance_break decimal(18,4), source_file text, continuity text)""",
    """create table marts.fct_bank_batches (source_system text, account_ending text, entry_reference text,
        booking_date date, amount decimal(18,4), payments bigint, payments_amount decimal(18,4),
        difference decimal(18,4), counted text)""",
    "create table marts.fct_outbound_exceptions (target_source text, object text, target_key text, reason text)",
    """create table marts.fct_party_ar_status as select 'erp:P1' as party_key, 'erp' as source_system, 'P1' as party_id, cast(120 as decimal(18,4)) as open_amount,
        cast(70 as decimal(18,4)) as past_due_amount, 21 as oldest_days_late, false as on_hold, 'USD' as currency,
        cast(null as text) as left_out_because, date '2026-01-31' as as_of""",
    """create table marts.fct_order_payment_status as select 'erp:O1' as order_key, 'partial' as payment_status,
        cast(30 as decimal(18,4)) as paid_amount, 'USD' as currency, date '2026-01-31' as as_of""",
    "create schema conformed",
    "create table conformed.int_receipt_events__current (source_system text, receipt_id text, event_type text)",
    "create table conformed.int_crm_accounts__linked as select 'salesforce_main' as source_system,"
    " party_key as customer_key, party_key from marts.fct_party_ar_status",
    "create table conformed.int_crm_orders__linked as select 'salesforce_main' as source_system,"
    " order_key, order_key as erp_order_key from marts.fct_order_payment_status",
    """create table outbound.sync_salesforce__account_ar_status as select 'salesforce_main' as target_source,
        party_key as target_key, open_amount, past_due_amount, oldest_days_late, on_hold, as_of, currency
        from marts.fct_party_ar_status""",
    """create table outbound.sync_salesforce__order_payment_status as select 'salesforce_main' as target_source,
        order_key as target_key, payment_status, paid_amount, currency, as_of from marts.fct_order_payment_status""",
    """create table marts.fct_pending_receipts as select 'bank' as bank_source, 'B1' as bank_line_id, 'erp' as source_system,
        date '2026-01-30' as value_date, 'USD' as currency, cast(50 as decimal(18,4)) as amount, cast(50 as decimal(18,4))
        as applied_amount, 'P1' as party_id, 'D2:50.0000' as allocations, cast(null as text) as left_out_because""",
    """create table outbound.sync_tryton__receipt as select source_system as target_source, bank_line_id as target_key,
        '4400123456' as bank_account, 'R-1' as reference, value_date, currency, amount, party_id, allocations
        from marts.fct_pending_receipts""",
    """create table outbound.sync_tryton__party_ar_status as select source_system as target_source, party_id as target_key,
        currency, open_amount, past_due_amount, oldest_days_late, on_hold, as_of from marts.fct_party_ar_status""",
)


def books(folder: Path) -> Warehouse:
    """A warehouse whose marts tie out."""
    warehouse = EmbeddedWarehouse(folder / "warehouse.duckdb", wait=20)
    with warehouse.transaction() as tx:
        for sql in _TABLES:
            tx.execute(sql)
    return warehouse
