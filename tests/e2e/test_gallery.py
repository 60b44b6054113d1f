"""What others wrote runs as they wrote it. What of it does not is known, and so is why."""

from __future__ import annotations

import pytest

from gallery.causes import Cause
from gallery.collect import collect, collectors
from gallery.report import Outcome
from gallery.run import run
from gallery.sample import sample

pytestmark = [pytest.mark.cluster, pytest.mark.alone, pytest.mark.timeout(3600)]

COUNT, AT_ONCE = 40, 4
KNOWN = {
    "scikit-learn:decomposition/plot_image_denoising.py": Cause.NETWORK,
    "statsmodels:quasibinomial.py": Cause.BROKEN,
    "statsmodels-notebooks:interactions_anova.ipynb": Cause.NETWORK,
    "statsmodels-notebooks:theta-model.ipynb": Cause.NETWORK,
}


def test_a_sample_of_what_others_wrote(environ: dict[str, str]) -> None:
    drawn = sample(collect(collectors()), COUNT)
    outcomes: list[Outcome] = []
    run(drawn, AT_ONCE, outcomes.append)
    assert sorted(one.id for one in outcomes) == sorted(one.id for one in drawn)
    failed = {one.id: (one.cause, one.detail, one.tail) for one in outcomes if not one.succeeded}
    assert {name: cause for name, (cause, _, _) in failed.items()} == KNOWN, failed
