"""The twelve facilities of Larkhaven Health, and what each system calls them. All names are invented.

Knows nothing of documents. `demo/catalog/site.yaml` and `crosswalk_entity.csv` say the same to the
application.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
CENTRAL = ZoneInfo("America/Chicago")


@dataclass(frozen=True, slots=True)
class Facility:
    """A hospital, clinic or laboratory. `weight` is its share of the network's purchasing."""

    code: str
    name: str
    kind: str
    region: str
    zone: ZoneInfo
    erp: str
    warehouse: str
    weight: int

    @property
    def procurement(self) -> str:
        """The procurement suite's name for it."""
        return f"LH-{self.code}"


FACILITIES = (
    Facility("HMC", "Larkhaven Harbor Medical Center", "hospital", "Harbor", EASTERN, "1010", "W01", 16),
    Facility("SCH", "Saltmarsh Community Hospital", "hospital", "Harbor", EASTERN, "1020", "W02", 8),
    Facility("PSA", "Pier Street Surgery Center", "ambulatory", "Harbor", EASTERN, "1030", "W03", 4),
    Facility("LRL", "Larkhaven Reference Laboratory", "laboratory", "Harbor", EASTERN, "1040", "W04", 6),
    Facility("RRM", "Redbud Regional Medical Center", "hospital", "Piedmont", EASTERN, "2010", "W11", 14),
    Facility("QFH", "Quillfield Hospital", "hospital", "Piedmont", EASTERN, "2020", "W12", 7),
    Facility("FCH", "Foxmere Children's Hospital", "hospital", "Piedmont", EASTERN, "2030", "W13", 9),
    Facility("MOC", "Millrace Outpatient Center", "ambulatory", "Piedmont", EASTERN, "2040", "W14", 3),
    Facility("BMC", "Bluestem Medical Center", "hospital", "Prairie", CENTRAL, "3010", "W21", 13),
    Facility("CBH", "Cottonwood Bend Hospital", "hospital", "Prairie", CENTRAL, "3020", "W22", 7),
    Facility("GCA", "Grainfield Critical Access Hospital", "hospital", "Prairie", CENTRAL, "3030", "W23", 3),
    Facility(
        "HVI", "Larkhaven Heart and Vascular Institute", "hospital", "Prairie", CENTRAL, "3040", "W24", 10
    ),
)
FACILITY = {facility.code: facility for facility in FACILITIES}
