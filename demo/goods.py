"""The items hospitals buy: how they are packed, what they cost, who sells them. All invented.

Prices are in ten-thousandths of a dollar per base unit (each), so that a case is an exact multiple.
"""

from __future__ import annotations

from dataclasses import dataclass

from .suppliers import of_trade


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is ordered in packs of `factor` base units; `price` is of one, in 1/10,000 dollar."""

    number: str
    description: str
    supplier: str
    unit: str
    factor: int
    price: int
    per: int = 1

    @property
    def pack_price(self) -> int:
        """Price of one order unit (of `per` of them, where priced per hundred), in 1/10,000 dollar."""
        return self.price * self.factor * self.per


# (trade, description, variants, order unit, base units in one, price of one base unit in 1/10,000 dollar)
_FAMILIES = (
    ("general", "Nitrile exam glove", "small,medium,large,extra large", "CS", 1000, 712),
    ("general", "Isolation gown, fluid resistant", "regular,large", "CS", 50, 18400),
    ("general", "Procedure mask with ear loops", "level 1,level 3", "BX", 50, 1120),
    ("general", "Underpad 30x36 in", "moderate,heavy", "CS", 150, 2480),
    ("general", "Patient wristband", "adult,pediatric", "BX", 250, 960),
    ("general", "Sharps container", "1 qt,5 qt,8 gal", "CS", 20, 41300),
    ("general", "Gauze sponge 4x4", "8 ply,12 ply,16 ply", "CS", 1280, 310),
    ("general", "Alcohol prep pad", "medium,large", "CS", 3000, 118),
    ("general", "Bath wipe", "scented,unscented", "CS", 240, 1330),
    ("general", "Emesis bag", "standard", "BX", 24, 7340),
    ("surgical", "Absorbable suture", "2-0,3-0,4-0,5-0", "BX", 36, 58200),
    ("surgical", "Skin stapler", "15 count,35 count", "BX", 6, 148500),
    ("surgical", "Laparoscopic trocar", "5 mm,11 mm,12 mm", "BX", 6, 413700),
    ("surgical", "Electrosurgical pencil", "rocker,push button", "CS", 50, 46800),
    ("surgical", "Laparotomy drape pack", "standard,bariatric", "CS", 6, 297100),
    ("surgical", "Scalpel blade", "No 10,No 11,No 15", "BX", 100, 4170),
    ("surgical", "Negative pressure dressing kit", "small,medium,large", "CS", 5, 618900),
    ("surgical", "Cortical screw 3.5 mm", "14 mm,18 mm,24 mm,32 mm", "EA", 1, 887500),
    ("surgical", "Locking plate, distal radius", "left,right", "EA", 1, 7213000),
    ("surgical", "Hip stem, cementless", "size 3,size 5,size 7", "EA", 1, 28340000),
    ("laboratory", "Vacuum collection tube", "lavender,gold,light blue,red", "CS", 1000, 1890),
    ("laboratory", "Reagent kit", "troponin,ferritin,TSH,vitamin D", "EA", 1, 3147500),
    ("laboratory", "Blood culture bottle", "aerobic,anaerobic", "CS", 100, 48600),
    ("laboratory", "Specimen cup 4 oz", "sterile,non-sterile", "CS", 300, 2210),
    ("laboratory", "Pipette tip", "200 ul,1000 ul", "CS", 960, 413),
    ("laboratory", "Microscope slide", "plain,frosted", "BX", 72, 1570),
    ("pharmacy", "Sodium chloride 0.9 % IV bag", "250 ml,500 ml,1000 ml", "CS", 14, 37900),
    ("pharmacy", "Dextrose 5 % IV bag", "500 ml,1000 ml", "CS", 12, 43300),
    ("pharmacy", "IV administration set", "primary,secondary,blood", "CS", 48, 62700),
    ("pharmacy", "Prefilled saline flush 10 ml", "standard", "CS", 480, 4390),
    ("pharmacy", "Enteral feeding bag", "1000 ml,1200 ml", "CS", 30, 51100),
    ("cardiology", "Guide wire 0.035", "150 cm,180 cm,260 cm", "BX", 5, 486300),
    ("cardiology", "Diagnostic catheter", "JL4,JR4,pigtail", "BX", 5, 271900),
    ("cardiology", "Introducer sheath", "5 F,6 F,7 F", "BX", 10, 347700),
    ("cardiology", "Drug eluting stent", "2.5 mm,3.0 mm,3.5 mm", "EA", 1, 11870000),
    ("cardiology", "ECG electrode", "adult,pediatric", "CS", 600, 2370),
)  # fmt: skip

# Sold by the hundred: the order line says a price per 100.
_PER_HUNDRED = (
    ("general", "Hypodermic needle", "18 G,21 G,23 G,25 G", 1130),
    ("laboratory", "Blood lancet", "21 G,28 G", 890),
)


def _items() -> tuple[Item, ...]:
    found: list[Item] = []
    for family, (trade, description, variants, unit, factor, price) in enumerate(_FAMILIES):
        sellers = of_trade(trade)
        for step, variant in enumerate(variants.split(",")):
            seller = sellers[family % len(sellers)].number
            number = str(310000 + 29 * len(found))
            found.append(
                Item(
                    number,
                    f"{description}, {variant}",
                    seller,
                    unit,
                    factor,
                    price + 3 * step * (price // 60),
                )
            )
    for family, (trade, description, variants, price) in enumerate(_PER_HUNDRED):
        for step, variant in enumerate(variants.split(",")):
            seller = of_trade(trade)[-1 - family].number
            number = str(310000 + 29 * len(found))
            found.append(
                Item(number, f"{description}, {variant}", seller, "EA", 1, price + 20 * step, per=100)
            )
    return tuple(found)


ITEMS = _items()
ITEM = {item.number: item for item in ITEMS}


def items_of(supplier: str) -> tuple[Item, ...]:
    """What one supplier sells."""
    return tuple(item for item in ITEMS if item.supplier == supplier)


def unit_rows() -> list[tuple[str, str, int]]:
    """(item, unit, base units in one) for every unit that the item master converts."""
    return [
        row
        for item in ITEMS
        for row in dict.fromkeys(((item.number, "EA", 1), (item.number, item.unit, item.factor)))
    ]
