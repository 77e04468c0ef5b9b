"""Which further tables each system keeps: what goes beyond orders, receipts and invoice lines.

Suppliers and facilities are written as each system calls them. Patients are nowhere: a case has a number, and that is
all that is known of it.
"""

from __future__ import annotations

from .tables import Kind, Table


def _table(name: str, columns: str, index: str = "") -> Table:
    """`columns` as "name name:kind …"; without a kind it is text."""
    pairs = (word.partition(":") for word in columns.split())
    kinds: dict[str, Kind] = {column: kind or "text" for column, _, kind in pairs}  # type: ignore[misc]
    return Table(name, kinds, index)


ERP = {
    "GoodsReceipts": _table(
        "receipts",
        "document line:whole receipt business_unit po po_line:whole item quantity:whole unit movement received_at"
        " stuck:flag",
        "receipt, line",
    ),
    "SupplierInvoices": _table(
        "invoices",
        "vendor vendor_name number business_unit kind refers_to amount:cents open_amount:cents status dated"
        " entered_at posted_at paid_at due stuck:flag",
        "vendor, number",
    ),
    "Vendors": _table("vendors", "vendor name tax_id status remit_to_of", "vendor"),
    "SettlementRuns": _table("settlement_runs", "run business_unit run_at status", "run"),
    "TaxExemptions": _table("tax_exemptions", "certificate business_unit valid_from valid_to"),
    "BankAccounts": _table("bank_accounts", "vendor name site routing account altered_at status", "vendor"),
    "BankAccountChanges": _table("account_changes", "vendor site routing account altered_at", "vendor"),
    "ApprovedChanges": _table("approved_changes", "change subject vendor site account status approved_at"),
    "Payments": _table("payments", "payment vendor name business_unit site amount:cents status pay_on", "vendor"),
    "InvoiceSchedules": _table(
        "schedules", "schedule period vendor name business_unit description amount:cents due_on status",
        "schedule, period",
    ),
    "PhysicianContracts": _table(
        "physician_contracts",
        "contract business_unit physician name valid_from valid_to rate:cents period_cap:cents status", "physician",
    ),
    "PhysicianPayments": _table(
        "physician_payments",
        "payment line:whole business_unit physician name period service_on hours:whole amount:cents status"
        " entered_at",
        "physician, period",
    ),
    "TimeRecords": _table(
        "time_records", "record business_unit physician period hours:whole status approved_at", "physician, period"
    ),
}  # fmt: skip
PROCUREMENT = {
    "requisitions": _table(
        "requisitions",
        "requisition line:whole site requester supplier supplier_name item description quantity:whole unit"
        " amount:cents state approved_at",
        "requisition, line",
    ),
    "confirmations": _table(
        "confirmations", "confirmation site po line:whole amount:cents service_date confirmed_at", "po, line"
    ),
    "contract-prices": _table(
        "contract_prices", "contract supplier item unit price:price per:whole valid_from valid_to", "item"
    ),
}
AP_AUTOMATION = {
    "invoices": _table(
        "invoices",
        "vendor vendor_name number facility kind refers_to amount:cents open_amount:cents status dated entered_at"
        " held_since hold_reason due",
        "vendor, number",
    ),
    "charges": _table(
        "charges", "vendor number facility charge kind amount:cents tax_code description", "vendor, number"
    ),
    "bank-accounts": _table("bank_accounts", "vendor name site routing account altered_at status", "vendor"),
}
WMS = {
    "inspections": _table(
        "inspections",
        "inspection line:whole site receipt po po_line:whole item accepted:whole rejected:whole unit inspected_at",
        "po, po_line",
    ),
    "usages": _table(
        "usages",
        "usage line:whole site case_number item lot serial quantity:whole unit used_at",
        "case_number",
    ),
}
PORTAL = {
    "bank-accounts": _table("bank_accounts", "vendor name site routing account altered_at status", "vendor"),
    "exclusions": _table("exclusions", "list entry name tax_id excluded_on reinstated_on", "entry"),
}


def schema_of(tables: dict[str, Table]) -> str:
    """The statements that make a system's further tables."""
    return "".join(table.schema for table in tables.values())
