#!/usr/bin/env python3
"""Times the solvers of torchdiffeq (and of torchode, where it is installed) like bench/solver_overhead.cpp times ours: dy/dt = -y on
[64, 3, 32, 32] float32, one thread, microseconds of CPU time per step. Each round runs build/bin/solver_overhead and then every peer, so that a change of
the machine's load hits all alike; the table shows medians over rounds and what the peers take relative to our solver of the same method.

    OMP_NUM_THREADS=1 python bench/solver_overhead_peers.py [--program build/bin/solver_overhead] [--rounds 9]
"""
import argparse
import statistics
import subprocess
import time

import torch
import torchdiffeq

try:
    import torchode
except ImportError:
    torchode = None

STEPS = 50
SHAPE = (64, 3, 32, 32)
OURS = {"torchdiffeq euler": "euler", "torchdiffeq midpoint": "midpoint", "torchdiffeq heun2": "heun", "torchdiffeq rk4": "rk4",
        "torchdiffeq bosh3": "bosh3", "torchdiffeq dopri5": "dopri5", "torchode dopri5": "dopri5", "torchode tsit5": "tsit5"}


def counted_field():
    calls = [0]

    def field(t, y):
        calls[0] += 1
        return -y

    return field, calls


def torchdiffeq_run(method, start):
    """Returns the steps taken. Steps are forced to 1/STEPS; loose tolerances accept all of them."""
    t = torch.tensor([0.0, 1.0])
    field, calls = counted_field()
    if method in ("bosh3", "dopri5"):
        torchdiffeq.odeint(field, start, t, method=method, rtol=1e6, atol=1e6, options={"first_step": 1 / STEPS, "max_step": 1 / STEPS})
        return (calls[0] - 1) / (6 if method == "dopri5" else 3)
    torchdiffeq.odeint(field, start, t, method=method, options={"step_size": 1 / STEPS})
    return STEPS


def torchode_run(method, start):
    field, _ = counted_field()
    term = torchode.ODETerm(field)
    step_method = {"dopri5": torchode.Dopri5, "tsit5": torchode.Tsit5}[method](term=term)
    controller = torchode.IntegralController(atol=1e6, rtol=1e6, term=term, dt_max=1 / STEPS)
    solver = torchode.AutoDiffAdjoint(step_method, controller)
    batch = SHAPE[0]
    problem = torchode.InitialValueProblem(
        y0=start.reshape(batch, -1), t_start=torch.zeros(batch), t_end=torch.ones(batch))
    solution = solver.solve(problem, dt0=torch.full((batch,), 1 / STEPS))
    return solution.stats["n_steps"].max().item()


def program_medians(program):
    """Name to median microseconds per step, of a run of a few rounds."""
    lines = subprocess.run([program, "3"], check=True, capture_output=True, text=True).stdout.splitlines()
    return {line[:24].strip(): float(line[24:].split()[0]) for line in lines[1:] if line.strip()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/bin/solver_overhead")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    start = torch.randn(SHAPE)
    peers = {f"torchdiffeq {method}": (torchdiffeq_run, method) for method in ("euler", "midpoint", "heun2", "rk4", "bosh3", "dopri5")}
    if torchode is None:
        print("torchode is not installed: left out")
    else:
        peers |= {f"torchode {method}": (torchode_run, method) for method in ("dopri5", "tsit5")}

    times = {}
    for round_number in range(arguments.rounds + 1):
        measured = dict(program_medians(arguments.program))
        for name, (run, method) in peers.items():
            begin = time.thread_time()
            steps = run(method, start)
            measured[name] = (time.thread_time() - begin) / steps * 1e6
        if round_number > 0:  # the first warms up
            for name, value in measured.items():
                times.setdefault(name, []).append(value)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{'':<24} {'median':>10} {'to ours':>9}   (microseconds of CPU time per step, {arguments.rounds} rounds)")
    for name, value in medians.items():
        ratio = f"{value / medians[OURS[name]]:9.1f}" if name in OURS else ""
        print(f"{name:<24} {value:10.1f} {ratio}")


if __name__ == "__main__":
    main()
