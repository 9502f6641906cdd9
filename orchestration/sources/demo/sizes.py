"""How much of everything a size of the shop has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Scale factors against the demo shop.

    Attributes
    ----------
    web : float
        Visits, and with them events, online orders and digital spend.
    trade : float
        Purchases in stores, by phone and by app. It shrinks less than the web: effects on daily sales have to stay
        visible in the small shop.
    people : float
        Customers and prospects.
    social : float
        Posts.
    web_only : bool
        Deliver only web events, as Parquet.
    """

    web: float
    trade: float
    people: float
    social: float
    web_only: bool = False


SIZES = {
    "tests": Size(web=0.04, trade=0.12, people=0.06, social=0.25),
    "demo": Size(web=1.0, trade=1.0, people=1.0, social=1.0),
    "bench10m": Size(web=20.0, trade=0.1, people=20.0, social=0.1, web_only=True),
    "bench50m": Size(web=100.0, trade=0.1, people=100.0, social=0.1, web_only=True),
}
