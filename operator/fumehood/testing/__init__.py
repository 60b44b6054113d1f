"""For those who write plug-ins: contracts to test them by. Needs pytest and hypothesis; the operator never imports it."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.adapters")
