"""`daybook` whose projector waits long for a lock when it ends: `python -m tests.support.patient_ending projector …`."""

from projector import holding_up
from shared.cli import main

holding_up.PATIENCE = 600.0

if __name__ == "__main__":
    main()
