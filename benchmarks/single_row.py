"""One row at a time: predict(row) against the bare call of the model, NumPy in and NumPy out, 200 rows.

    python benchmarks/single_row.py --peer lamina --case mlp

The two take turns row by row, so that whatever else the machine does meets both.
"""

import statistics
from functools import partial

import measure
import peers
from workloads import WORKLOADS

ROWS, WARM_UP = 200, 10


def main() -> None:
    args = measure.arguments(__doc__)
    workload = WORKLOADS[args.case]
    inputs, _ = workload.data(-(-(ROWS + WARM_UP) // workload.batch_size))
    rows = [{name: a[i : i + 1] for name, a in inputs.items()} for i in range(ROWS + WARM_UP)]
    peer = peers.load(args.peer)
    peer.build(args.case, args.device)
    peer.compile()

    predicts, calls = [], []
    for row in rows:
        predicts.append(measure.timed(partial(peer.predict, row)))
        calls.append(measure.timed(partial(peer.call, row)))
    predict_ms, call_ms = (measure.median_ms(times[WARM_UP:], 1) for times in (predicts, calls))
    ratios = [p / c for p, c in zip(predicts[WARM_UP:], calls[WARM_UP:], strict=True)]
    measure.emit({"predict_ms": predict_ms, "call_ms": call_ms, "predict_over_call": statistics.median(ratios)})


if __name__ == "__main__":
    main()
