"""The twin of bench/unet_step.cpp: the same step with torchcfm's UNetModelWrapper in PyTorch (pip install torch torchcfm).

python bench/unet_step_torchcfm.py [precision=bf16|fp32] [batch=64] [threads=1] [repeats=10] [classes=10] [channels=32] [mult=1,2,2]
                                   [res_blocks=1] [attention=14] [head_channels=32] [image=1,28,28] [channels_last=0]
"""

import json
import sys
import time

import torch
from torchcfm.models.unet.unet import UNetModelWrapper

options = dict(precision="bf16", batch="64", threads="1", repeats="10", classes="10", channels="32", mult="1,2,2", res_blocks="1",
               attention="14", head_channels="32", image="1,28,28", channels_last="0")
for argument in sys.argv[1:]:
    key, _, value = argument.partition("=")
    if key not in options:
        sys.exit(f"unknown option {argument!r}")
    options[key] = value

torch.set_num_threads(int(options["threads"]))
torch.manual_seed(1)
batch, classes = int(options["batch"]), int(options["classes"])
image = tuple(int(v) for v in options["image"].split(","))
model = UNetModelWrapper(
    dim=image, num_channels=int(options["channels"]), num_res_blocks=int(options["res_blocks"]),
    channel_mult=[int(v) for v in options["mult"].split(",")], num_heads=4, num_head_channels=int(options["head_channels"]),
    attention_resolutions=options["attention"], dropout=0.0, class_cond=classes > 0, num_classes=max(classes, 1))
x, target, t = torch.randn(batch, *image), torch.randn(batch, *image), torch.rand(batch)
labels = torch.randint(classes, (batch,)) if classes > 0 else None
if options["channels_last"] == "1":
    model = model.to(memory_format=torch.channels_last)
    x = x.to(memory_format=torch.channels_last)

milliseconds, cpu_milliseconds = [], []
for repeat in range(int(options["repeats"]) + 2):
    start, cpu_start = time.perf_counter(), time.process_time()
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=options["precision"] == "bf16"):
        velocity = model(t, x, labels) if classes > 0 else model(t, x)
    loss = (velocity.float() - target).square().mean()
    loss.backward()
    loss_value = loss.item()
    if repeat >= 2:
        milliseconds.append(1000 * (time.perf_counter() - start))
        cpu_milliseconds.append(1000 * (time.process_time() - cpu_start))
milliseconds.sort()
print(json.dumps({
    "program": "torchcfm", "channels_last": options["channels_last"],
    **{k: options[k] for k in ("precision", "batch", "threads", "channels", "mult", "res_blocks", "attention", "classes")},
    "parameters": sum(p.numel() for p in model.parameters()), "fastest_ms": round(milliseconds[0], 1),
    "median_ms": round(milliseconds[len(milliseconds) // 2], 1), "fastest_cpu_ms": round(min(cpu_milliseconds), 1),
    "images_per_second": round(1000 * batch / milliseconds[0], 1),
    "images_per_cpu_second": round(1000 * batch / min(cpu_milliseconds), 1)}))
