"""The wait for the first training step: from the finished import to the loss of one step as a float.

    python benchmarks/first_step.py --peer lamina --case mlp

Building, compile() and whatever the libraries import late are inside; drawing the batch is not.
"""

import measure
import peers
from workloads import WORKLOADS


def main() -> None:
    args = measure.arguments(__doc__)
    inputs, targets = WORKLOADS[args.case].data(1)
    peer = peers.load(args.peer)
    start = measure.now()
    peer.build(args.case, args.device)
    built = measure.now()
    peer.compile()
    loss = peer.fit(inputs, targets)
    end = measure.now()
    measure.emit({"first_step_s": end - start, "build_s": built - start, "loss": loss})


if __name__ == "__main__":
    main()
