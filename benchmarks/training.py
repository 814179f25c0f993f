"""Training and predict in steady state: one peer, one workload, one process.

    python benchmarks/training.py --peer torch --case mlp --seconds 5

A step's time is that of a whole fit() divided by its steps: shuffling, batching and the loss for the log included.
"""

import sys

import measure
import peers
from workloads import WORKLOADS, Arrays, Workload


def first(arrays: Arrays, rows: int) -> Arrays:
    return {name: a[:rows] for name, a in arrays.items()}


def measure_training(peer: peers.Peer, workload: Workload, seconds: float) -> measure.Record:
    inputs, targets = workload.data(max(workload.steps, workload.predict_batches))

    def fit(steps: int) -> float:
        rows = steps * workload.batch_size
        return peer.fit(first(inputs, rows), first(targets, rows))

    first_loss = fit(1)
    fit(2)  # what is traced or compiled anew for a second shape or call is not timed
    steps = measure.affordable_steps(fit, workload.steps, seconds)
    losses: list[float] = []
    fits = measure.timed_calls(lambda: losses.append(fit(steps)), seconds, least=2, most=15)
    single = measure.timed_calls(lambda: fit(1), seconds / 5, least=3, most=9)

    rows = first(inputs, workload.predict_batches * workload.batch_size)
    peer.predict(rows)
    predicts = measure.timed_calls(lambda: peer.predict(rows), seconds / 4, least=2, most=8)
    return {
        "step_ms": measure.median_ms(fits, steps),
        "step_ms_best": min(fits) / steps * 1e3,
        "single_step_fit_ms": measure.median_ms(single, 1),
        "predict_ms": measure.median_ms(predicts, workload.predict_batches),
        "steps": steps,
        "fits": len(fits),
        "first_loss": first_loss,
        "last_loss": losses[-1],
    }


def device_memory(device: str) -> measure.Record:
    """The largest amount of GPU memory that tensors held, MB."""
    torch = sys.modules.get("torch")
    return {"device_mb": torch.cuda.max_memory_allocated() / 1e6} if torch and device == "cuda" else {}


def main() -> None:
    args = measure.arguments(__doc__)
    workload = WORKLOADS[args.case]
    peer = peers.load(args.peer)
    peer.build(args.case, args.device)
    peer.compile()
    result = measure_training(peer, workload, args.seconds)
    params = peer.trainable_params()
    measure.emit(result | {"params": params, "params_ok": params == workload.params} | device_memory(args.device))


if __name__ == "__main__":
    main()
