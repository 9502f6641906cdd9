"""All performance figures: `python -m benchmarks`."""

from benchmarks import attribution

attribution.main()
