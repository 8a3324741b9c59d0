"""``python -m myofin`` is the ``myofin`` command."""

from myofin.cli import main

main()
