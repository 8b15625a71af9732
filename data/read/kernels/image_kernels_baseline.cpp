#define PATHLINE_VARIANT image_kernels_baseline
#define PATHLINE_VARIANT_NAME "baseline"
#include "data/read/kernels/image_kernels_body.h"
