#define PATHLINE_VARIANT sample_kernels_baseline
#define PATHLINE_VARIANT_NAME "baseline"
#include "data/read/kernels/sample_kernels_body.h"
