"""Lamina beside hand-written PyTorch on a CUDA device, all seven workloads. Needs torch and Lamina's own requirements.

    python benchmarks/gpu.py --markdown benchmarks/RESULTS_GPU.md

Both start from NumPy arrays in host memory; the hand-written loop moves its data set to the device once per fit.
"""

import argparse
import sys

import machine
import schedule
import torch
from run import add_common_options, measure_and_report

TITLE = "# Lamina beside hand-written PyTorch on a GPU\n\nWritten by `python benchmarks/gpu.py`.\n\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_options(parser, "results_gpu.json")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("torch sees no CUDA device here: nothing to measure. `python benchmarks/run.py` measures on the CPU.")
        return 0
    gpu = torch.cuda.get_device_properties(0)
    described = machine.describe() | {
        "gpu": f"{gpu.name}, {gpu.total_memory / 1e9:.0f} GB",
        "cuda": f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}",
    }
    plan = schedule.Plan(
        ["training", "first_step", "single_row"], ["torch", "lamina"], args.cases, args.repeats, args.seconds, "cuda"
    )
    return measure_and_report(plan, described, TITLE, args)


if __name__ == "__main__":
    sys.exit(main())
