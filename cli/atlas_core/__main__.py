"""`python -m atlas_core`, the same as `atlas-core`."""

import sys

from atlas_core.main import main

sys.exit(main())
