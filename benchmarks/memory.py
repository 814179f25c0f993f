"""Peak resident memory of a fixed amount of work: a few fits of four steps, and predict on four batches.

    python benchmarks/memory.py --peer lamina --case transformer

Counted in steps, not in seconds: a faster peer must not be charged for doing more.
"""

import measure
import peers
from workloads import WORKLOADS

BATCHES, FITS = 4, 3


def main() -> None:
    args = measure.arguments(__doc__)
    inputs, targets = WORKLOADS[args.case].data(BATCHES)
    peer = peers.load(args.peer)
    import_mb = measure.rss_mb()
    peer.build(args.case, args.device)
    peer.compile()
    for _ in range(FITS):
        peer.fit(inputs, targets)
    peer.predict(inputs)
    measure.emit({"peak_rss_mb": measure.peak_rss_mb(), "import_rss_mb": import_mb})


if __name__ == "__main__":
    main()
