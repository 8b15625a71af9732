#!/usr/bin/env python3
"""What PyTorch's DistributedDataParallel (gloo) costs beyond one process: the peer of bench/gradient_engine. Steps of torchcfm's UNet with
the same settings, by turns bare (no DDP, all ranks at once) and under DDP. Prints medians in milliseconds, as rank 0 saw them.

    mpirun -n 2 --bind-to none python bench/ddp_peer.py [--rounds 15] [--channels 32] [--images 32] [--bucket-mib 25]
    bench/link_shaped.sh -- -x GLOO_SOCKET_IFNAME=cable python bench/ddp_peer.py --master 10.77.0.1 …

Needs torch and torchcfm (its UNet file only).
"""
import argparse
import copy
import os
import statistics
import time

import torch
import torch.distributed as dist
from torchcfm_loss import load_unet_class


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--bucket-mib", type=float, default=25)
    parser.add_argument("--master", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=29511)
    arguments = parser.parse_args()

    rank, size = int(os.environ["OMPI_COMM_WORLD_RANK"]), int(os.environ["OMPI_COMM_WORLD_SIZE"])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://{arguments.master}:{arguments.port}", rank=rank, world_size=size)

    bare = load_unet_class()(dim=(1, 28, 28), num_channels=arguments.channels, num_res_blocks=1, channel_mult=[1, 2, 2],
                             num_heads=1, num_head_channels=32, attention_resolutions="7", dropout=0.0)
    parallel = torch.nn.parallel.DistributedDataParallel(copy.deepcopy(bare), bucket_cap_mb=arguments.bucket_mib)
    x, t = torch.randn(arguments.images, 1, 28, 28), torch.rand(arguments.images)

    def step(model):
        start = time.perf_counter()
        model(t, x).square().mean().backward()
        milliseconds = (time.perf_counter() - start) * 1e3
        model.zero_grad(set_to_none=False)  # DDP keeps views of its buckets
        return milliseconds

    series = {"bare": (bare, []), "DDP": (parallel, [])}
    for turn in range(-3, arguments.rounds):  # three to warm up; DDP rebuilds its buckets after the first
        for model, milliseconds in series.values():
            dist.barrier()
            taken = step(model)
            if turn >= 0:
                milliseconds.append(taken)
    if rank == 0:
        gradients = sum(p.numel() for p in bare.parameters()) * 4 / 1e6
        print(f"{size} ranks (gloo), {arguments.channels} channels, {arguments.images} images per rank, {gradients:.2f} MB of gradients")
        base = statistics.median(series["bare"][1])
        for name, (_, milliseconds) in series.items():
            median = statistics.median(milliseconds)
            print(f"{name:<6}{median:10.2f} ms{median / base:10.3f} of bare")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
