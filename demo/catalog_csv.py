"""The crosswalk lists of `demo/catalog`, as they follow from the network's facilities, suppliers and
status words.

`python -m demo.catalog_csv` writes them anew; a test compares. `UNMAPPED_ALIAS` is left out on purpose.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from .interfaces import ERP_STATUS
from .places import FACILITIES
from .suppliers import SUPPLIERS
from .systems import words

CATALOG = Path(__file__).parent / "catalog"


def crosswalks() -> dict[str, str]:
    """File name -> content: `system,local,canonical`."""
    entity = [row for place in FACILITIES for row in (
        ("erp", place.erp, place.code), ("procurement", place.procurement, place.code),
        ("ap_automation", place.code, place.code), ("wms", place.warehouse, place.code),
        ("wms_api", place.warehouse, place.code),
    )]  # fmt: skip
    supplier = [row for one in SUPPLIERS for row in (
        ("procurement", one.procurement, one.number), ("ap_automation", one.payables, one.number),
        ("ap_automation", one.remit_to, one.number),
    )]  # fmt: skip
    status = [("erp", word, meant) for meant, word in words.ERP.items()]
    status += [("procurement", word, meant) for meant, word in words.PROCUREMENT.items()]
    invoice = [("erp", word, meant.lower()) for meant, word in ERP_STATUS.items() if meant != "APPROVED"]
    invoice += [
        ("erp", "Posted", "posted"),
        *(("ap_automation", meant, meant.lower()) for meant in ERP_STATUS),
    ]
    requisition = [
        ("procurement", word, word.lower()) for word in ("PENDING", "APPROVED", "ORDERED", "CANCELLED")
    ]
    return {
        "crosswalk_invoice_status.csv": _text(invoice),
        "crosswalk_requisition_status.csv": _text(requisition),
        "crosswalk_entity.csv": _text(entity),
        "crosswalk_supplier.csv": _text(supplier),
        "crosswalk_order_status.csv": _text(status),
    }


def _text(rows: list[tuple[str, str, str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows([("system", "local", "canonical"), *rows])
    return buffer.getvalue()


if __name__ == "__main__":
    for name, text in crosswalks().items():
        (CATALOG / name).write_text(text, encoding="utf-8")
