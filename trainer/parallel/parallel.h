#pragma once
// Everything of pathline's data parallelism for other programs: #include <pathline/parallel.h> (docs/data-parallel.md).

#include "core/error.h"
#include "trainer/parallel/agreement.h"
#include "trainer/parallel/communicator.h"
#include "trainer/parallel/engine/data_parallel.h"
#include "trainer/parallel/nccl/torch_device_hooks.h"
#include "trainer/parallel/session.h"
