"""What the shop is made of: regions, stores, categories, products, brands, channels, campaigns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.columns import Columns, generator, texts

SHOP_URL = "https://www.lindenhof.example"


@dataclass(frozen=True, slots=True)
class Region:
    code: str
    location_id: str
    station: int
    station_name: str
    latitude: float
    longitude: float
    country: str
    postal_codes: tuple[str, ...]
    share: float
    warmer: float  # degrees against the mean of the country


REGIONS = (
    Region(
        "east", "dresden", 1048, "Dresden", 51.05, 13.74, "DE", ("01067", "01099", "04109", "09111", "07743"), 0.13, 0.4
    ),
    Region("berlin", "berlin", 400, "Berlin", 52.52, 13.41, "DE", ("10115", "10961", "12043", "14467"), 0.17, 0.3),
    Region("north", "hamburg", 1975, "Hamburg", 53.55, 9.99, "DE", ("20095", "22765", "28195", "30159"), 0.19, -1.2),
    Region("west", "koeln", 2667, "Köln", 50.94, 6.96, "DE", ("40213", "44135", "50667", "60311"), 0.27, 0.5),
    Region("south", "muenchen", 3379, "München", 48.14, 11.58, "DE", ("70173", "80331", "86150", "90402"), 0.18, 0.1),
    Region("swiss", "zuerich", 6660, "Zürich", 47.37, 8.54, "CH", ("8001", "8400", "4051"), 0.06, -0.3),
)

#: store_id, name, region, postal code, latitude, longitude, weight
STORES = (
    ("F01", "Dresden Altmarkt", 0, "01067", 51.050, 13.737, 0.9),
    ("F02", "Leipzig Markt", 0, "04109", 51.340, 12.375, 0.9),
    ("F03", "Berlin Mitte", 1, "10115", 52.532, 13.385, 1.5),
    ("F04", "Berlin Neukölln", 1, "12043", 52.482, 13.436, 0.9),
    ("F05", "Hamburg Mönckebergstraße", 2, "20095", 53.551, 10.001, 1.4),
    ("F06", "Hannover Kröpcke", 2, "30159", 52.375, 9.738, 0.9),
    ("F07", "Köln Neumarkt", 3, "50667", 50.936, 6.948, 1.3),
    ("F08", "Düsseldorf Altstadt", 3, "40213", 51.226, 6.773, 1.0),
    ("F09", "Frankfurt Zeil", 3, "60311", 50.115, 8.685, 1.1),
    ("F10", "München Marienplatz", 4, "80331", 48.137, 11.575, 1.4),
    ("F11", "Nürnberg Königstraße", 4, "90402", 49.451, 11.080, 0.8),
    ("F12", "Zürich Bahnhofstrasse", 5, "8001", 47.373, 8.538, 0.9),
)


@dataclass(frozen=True, slots=True)
class Category:
    name: str
    slug: str
    web: float  # weight in web interest
    store: float  # weight in store baskets; 0 = has a demand model of its own
    price: float  # median gross price in EUR
    spread: float
    margin: float  # share of net price at full price
    returns: float  # probability that a line bought at a distance comes back
    nouns: tuple[str, ...]


CATEGORIES = (
    Category(
        "Mineralwasser", "mineralwasser", 0.0, 0.0, 6.5, 0.15, 0.34, 0.0, ("Sprudel Kiste", "Stilles Quellwasser")
    ),
    Category("Gartenmöbel", "gartenmoebel", 0.9, 0.0, 129, 0.4, 0.42, 0.07, ("Gartenstuhl", "Sonnenliege", "Bänkchen")),
    Category(
        "Regenschutz", "regenschutz", 0.5, 0.0, 39, 0.3, 0.48, 0.12, ("Regenjacke", "Taschenschirm", "Friesennerz")
    ),
    Category("Damenmode", "damenmode", 1.9, 1.3, 54, 0.4, 0.52, 0.34, ("Strickjacke", "Bluse", "Röhrenjeans", "Kleid")),
    Category("Herrenmode", "herrenmode", 1.3, 1.0, 57, 0.4, 0.50, 0.28, ("Hemd", "Chino", "Pullover", "Gürtel")),
    Category("Schuhe", "schuhe", 1.2, 0.8, 84, 0.35, 0.46, 0.36, ("Sneaker", "Stiefelette", "Wanderschuh")),
    Category("Wohnen", "wohnen", 1.0, 0.9, 72, 0.6, 0.44, 0.08, ("Stehleuchte", "Teppich", "Kissenhülle", "Spiegel")),
    Category(
        "Küche", "kueche", 0.9, 1.1, 44, 0.5, 0.40, 0.05, ("Bräter", "Messerblock", "Rührschüssel", "Espressokocher")
    ),
    Category(
        "Spielzeug", "spielzeug", 0.8, 1.0, 29, 0.5, 0.38, 0.05, ("Bauklötze", "Puzzle", "Plüschbär", "Brettspiel")
    ),
    Category("Elektronik", "elektronik", 1.1, 0.7, 119, 0.5, 0.22, 0.09, ("Kopfhörer", "Küchenradio", "Lautsprecher")),
    Category(
        "Drogerie", "drogerie", 0.4, 1.5, 12, 0.4, 0.36, 0.02, ("Handcreme", "Badesalz", "Sonnenmilch", "Duschöl")
    ),
    Category("Schreibwaren", "schreibwaren", 0.4, 0.9, 16, 0.4, 0.45, 0.03, ("Füller", "Notizbuch", "Geschenkpapier")),
)
WATER, GARDEN, RAIN = 0, 1, 2
PRODUCTS_PER_CATEGORY = 14

BRANDS = ("Lindenhof", "Nordwind", "Alpenglück", "Söderholm", "Café Blau", "Grünwerk", "Fährmann", "Rößler")

CHANNELS = (
    "direct",
    "organic_search",
    "paid_search",
    "paid_social",
    "organic_social",
    "display",
    "email",
    "referral",
    "affiliate",
    "tv",
    "catalog",
    "call_centre",
    "store",
)
CHANNEL = {name: index for index, name in enumerate(CHANNELS)}


def make_products(seed: int) -> Columns:
    """Products of all categories; prices in cents, gross, in EUR.

    Returns
    -------
    Columns
        id, name, slug, category (index), brand (index), price_cents, cost_cents (per unit, net), popularity.
    """
    rng = generator(seed, "products")
    rows: dict[str, list] = {key: [] for key in ("id", "name", "slug", "category", "brand")}
    for index, kind in enumerate(CATEGORIES):
        for i in range(PRODUCTS_PER_CATEGORY):
            noun = kind.nouns[i % len(kind.nouns)]
            brand = int(rng.integers(len(BRANDS)))
            rows["id"].append(f"P{index + 10}{i:03d}")
            rows["name"].append(f"{BRANDS[brand]} {noun} {i + 1}")
            rows["slug"].append(f"{kind.slug}-{i + 1}")
            rows["category"].append(index)
            rows["brand"].append(brand)
    category = np.array(rows["category"])
    median = np.array([c.price for c in CATEGORIES])[category]
    spread = np.array([c.spread for c in CATEGORIES])[category]
    margin = np.array([c.margin for c in CATEGORIES])[category]
    price = np.maximum(np.round(median * np.exp(spread * rng.standard_normal(len(category)))), 2) * 100 - 1
    price = price.astype(np.int64)
    return {
        "id": texts(rows["id"]),
        "name": texts(rows["name"]),
        "slug": texts(rows["slug"]),
        "category": category,
        "brand": np.array(rows["brand"]),
        "price_cents": price,
        "cost_cents": np.round(price / 1.19 * (1 - margin)).astype(np.int64),
        "popularity": rng.gamma(0.9, 1.0, len(category)) + 0.05,
    }
