"""Makes `import headrace` find the package in sdk/, however a process of the engine is started.

`uvicorn main:app` or `python -m workers.worker` in the checkout knows nothing of sdk/src. The engine and the
package are of one version, so this copy comes before one that is installed.
"""

import sys
from pathlib import Path

SOURCE = str(Path(__file__).resolve().parent / "sdk" / "src")

if SOURCE not in sys.path:
    sys.path.insert(0, SOURCE)
