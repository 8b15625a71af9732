#!/usr/bin/env python3
"""Trains torchcfm's UNet on Fashion-MNIST in plain PyTorch with the settings of bench/torchcfm-fashion.ini and prints the mean loss of each
50 steps, for comparison with pathline's metrics.jsonl. Needs torch, numpy and torchcfm (its UNet file only; no other dependency).
"""
import argparse
import gzip
import importlib.util
import pathlib
import sys
import time
import types

import numpy as np
import torch


def load_unet_class():
    """torchcfm's UNetModelWrapper without importing the package, whose __init__ pulls in optimal-transport dependencies."""
    root = pathlib.Path(importlib.util.find_spec("torchcfm").submodule_search_locations[0])
    for name in ("torchcfm", "torchcfm.models", "torchcfm.models.unet"):
        module = types.ModuleType(name)
        module.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module
    return importlib.import_module("torchcfm.models.unet.unet").UNetModelWrapper


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    with gzip.open(arguments.images) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    images = torch.from_numpy(images.copy()).float() / 127.5 - 1
    network = load_unet_class()(dim=(1, 28, 28), num_channels=32, num_res_blocks=1, channel_mult=[1, 2, 2], num_heads=4,
                                num_head_channels=32, attention_resolutions="14", dropout=0.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    order, losses, started = torch.randperm(len(images)), [], time.time()
    for step in range(1, arguments.steps + 1):
        begin = (step - 1) * 128 % (len(images) - 127)
        x1 = images[order[begin:begin + 128]]
        x0, t = torch.randn_like(x1), torch.rand(len(x1))
        s = t[:, None, None, None]
        loss = (network(t, (1 - s) * x0 + s * x1) - (x1 - x0)).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 0:
            last = np.array(losses[-50:])
            print(f"step {step} images {step * 128} loss {last.mean():.4f} sd {last.std():.4f} "
                  f"img/s {step * 128 / (time.time() - started):.1f}", flush=True)


if __name__ == "__main__":
    main()
