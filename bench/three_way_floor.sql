-- The floor: what `three_way_site.yaml` says, typed by hand for DuckDB, entity by entity. One row per hit,
-- which says what holds and carries the values of every side; one more row counts the lines that were compared.
-- (A branch per finding costs twice as much to plan.) Parameters: $settled_order, $settled_receipt, $grace.
WITH unit_name AS (
    SELECT local, canonical FROM xw_unit WHERE system = ''
),
orders AS (
    SELECT o.order_number, o.line_number, o.supplier, o.quantity, COALESCE(u.canonical, o.unit) AS unit, o.unit_price,
        o.currency, COALESCE(o."match", 3) AS "match"
    FROM rec_purchase_order_line AS o
    LEFT JOIN unit_name AS u ON u.local = o.unit
),
receipts AS (
    SELECT r.order_number, r.line_number, SUM(r.quantity) AS quantity, MIN(COALESCE(u.canonical, r.unit)) AS unit,
        MAX(r.received_at) AS last_at
    FROM rec_receipt_line AS r
    LEFT JOIN unit_name AS u ON u.local = r.unit
    WHERE r.order_number IS NOT NULL AND r.line_number IS NOT NULL
    GROUP BY r.order_number, r.line_number
),
invoices AS (
    SELECT i.order_number, i.line_number, MIN(COALESCE(s.canonical, i.supplier)) AS supplier,
        MAX(COALESCE(s.canonical, i.supplier)) AS other_supplier, MIN(i.invoice_number) AS number,
        SUM(i.quantity) AS quantity, MIN(COALESCE(u.canonical, i.unit)) AS unit,
        MAX(COALESCE(u.canonical, i.unit)) AS other_unit, SUM(i.amount) AS amount, MIN(i.currency) AS currency,
        MIN(i.entered_at) AS first_at, MAX(i.entered_at) AS last_at
    FROM rec_invoice_line AS i
    LEFT JOIN unit_name AS u ON u.local = i.unit
    LEFT JOIN xw_supplier AS s ON s.local = i.supplier AND s.system = i.source_system
    WHERE i.status <> 'void' AND i.order_number IS NOT NULL AND i.line_number IS NOT NULL
    GROUP BY i.order_number, i.line_number
),
lines AS MATERIALIZED (
    SELECT i.order_number, i.line_number,
        o.order_number IS NOT NULL AS has_order, r.order_number IS NOT NULL AS has_receipt,
        o.supplier AS o_supplier, o.quantity AS o_quantity, o.unit AS o_unit, o.unit_price, o.currency AS o_currency,
        o."match", r.quantity AS r_quantity, r.unit AS r_unit, r.last_at AS r_last_at,
        i.supplier, i.other_supplier, i.number, i.quantity, i.unit, i.other_unit, i.amount, i.currency, i.first_at,
        i.last_at, i.unit = o.unit AND i.other_unit = o.unit AS alike,
        CAST(o.unit_price AS DECIMAL(18, 4)) * CAST(i.quantity AS DECIMAL(19, 4)) AS agreed
    FROM invoices AS i
    LEFT JOIN orders AS o ON o.order_number = i.order_number AND o.line_number = i.line_number
    LEFT JOIN receipts AS r ON r.order_number = i.order_number AND r.line_number = i.line_number
)
SELECT NULL AS compared,
    NOT has_order AND first_at <= $settled_order AS no_valid_order,
    has_order AND (supplier <> o_supplier OR other_supplier <> o_supplier) AS supplier_mismatch,
    has_order AND NOT alike AS unit_mismatch,
    has_order AND NOT has_receipt AND "match" >= 3 AND quantity > 0 AND first_at <= $settled_receipt
        AND first_at <= $grace AS missing_receipt,
    "match" >= 3 AND alike AND quantity > r_quantity AND last_at <= $settled_receipt AS over_received,
    alike AND currency = o_currency AND ABS(amount - agreed) > 5
        AND (ABS(amount - agreed) > 250 OR ABS(amount - agreed) * 100 > 2 * ABS(agreed)) AS price_variance,
    order_number, line_number, o_supplier, o_quantity, o_unit, unit_price, o_currency, r_quantity, r_unit,
    epoch_us(r_last_at), supplier, other_supplier, number, quantity, unit, other_unit, amount, currency,
    epoch_us(first_at), epoch_us(last_at), quantity - r_quantity, amount - agreed, agreed
FROM lines
WHERE (NOT has_order AND first_at <= $settled_order)
    OR (supplier <> o_supplier OR other_supplier <> o_supplier)
    OR NOT alike
    OR (has_order AND NOT has_receipt AND "match" >= 3 AND quantity > 0 AND first_at <= $settled_receipt
        AND first_at <= $grace)
    OR ("match" >= 3 AND alike AND quantity > r_quantity AND last_at <= $settled_receipt)
    OR (alike AND currency = o_currency AND ABS(amount - agreed) > 5
        AND (ABS(amount - agreed) > 250 OR ABS(amount - agreed) * 100 > 2 * ABS(agreed)))
UNION ALL BY NAME
SELECT COUNT(*) AS compared FROM lines WHERE has_order OR has_receipt
