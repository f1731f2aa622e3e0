"""What a kernel sets here at its start has no effect: nothing is fetched from an index."""

_PIPLITE_DISABLE_PYPI = True
_PIPLITE_URLS: list[str] = []
