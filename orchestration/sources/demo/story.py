"""When the planted things happen, as day indices. Everything keeps its place if the history has another length."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[int, int]  # first day, day after the last


@dataclass(frozen=True, slots=True)
class Story:
    """Days of the planted effects.

    Attributes
    ----------
    days : int
        Length of the history whose truth is published; further days may follow.
    parquet_only : bool
        The web feed never comes as JSON lines.
    """

    days: int
    parquet_only: bool = False

    def _at(self, share: float) -> int:
        return int(share * self.days)

    @property
    def parquet_from(self) -> int:
        """From this day on the web feed comes as Parquet."""
        return 0 if self.parquet_only else self._at(0.62)

    @property
    def defect(self) -> Span:
        """Mobile visitors hardly get from shipping to payment."""
        return self._at(0.76), self._at(0.76) + 28

    @property
    def storm(self) -> Span:
        """Angry posts, ten times as many as usual."""
        return self._at(0.43), self._at(0.43) + 5

    @property
    def weather_gap(self) -> Span:
        return self._at(0.34), self._at(0.34) + 9

    @property
    def shipping_test(self) -> Span:
        """A/B test with an effect: free shipping announced in the basket."""
        return self._at(0.18), self._at(0.6)

    @property
    def exit_test(self) -> Span:
        """A/B test without any effect."""
        return self._at(0.64), self._at(0.74)

    @property
    def waves(self) -> tuple[int, ...]:
        """Drop days of the catalogs; all that they cause is over before the checkout breaks."""
        return self._at(0.1), self._at(0.35), self._at(0.6)
