"""The shipped mappings, on records as the systems write them."""

from datetime import date

DAY = date(2026, 1, 5)
