"""Agreement beyond chance, for a universe that both teams judged: the only place where the fourth cell exists."""

from __future__ import annotations

from dataclasses import dataclass

from statsmodels.stats.contingency_tables import mcnemar


@dataclass(frozen=True)
class TwoByTwo:
    """Judgements of the same records: both said yes, only marketing (rejected), only sales (bypass), neither."""

    both: int
    rejected: int
    bypass: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.rejected + self.bypass + self.neither

    @property
    def raw(self) -> float | None:
        """Share on which both agree; None over nothing."""
        return (self.both + self.neither) / self.n if self.n else None

    @property
    def kappa(self) -> float | None:
        """Cohen (1960): agreement beyond what the margins give by chance; None where chance alone agrees on all."""
        yes = (self.both + self.rejected) * (self.both + self.bypass)
        no = (self.bypass + self.neither) * (self.rejected + self.neither)
        if self.raw is None or yes + no == self.n**2:
            return None
        chance = (yes + no) / self.n**2
        return (self.raw - chance) / (1 - chance)

    @property
    def pabak(self) -> float | None:
        """Kappa adjusted for prevalence and bias (Byrt, Bishop, Carlin 1993): 2·raw − 1."""
        return None if self.raw is None else 2 * self.raw - 1

    @property
    def ac1(self) -> float | None:
        """Gwet (2008): chance as 2π(1 − π) of the mean share of yes."""
        if self.raw is None:
            return None
        share = (2 * self.both + self.rejected + self.bypass) / (2 * self.n)
        chance = 2 * share * (1 - share)
        return (self.raw - chance) / (1 - chance)

    @property
    def mcnemar_p(self) -> float | None:
        """Whether one team says yes more often than the other (McNemar 1947, exact); None where they never differ."""
        if not self.rejected + self.bypass:
            return None
        return float(mcnemar([[self.both, self.rejected], [self.bypass, self.neither]], exact=True).pvalue)
