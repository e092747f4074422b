"""`python -m atlas_operator` is the command `atlas-operator`."""

import sys

from atlas_operator.command import main

sys.exit(main())
