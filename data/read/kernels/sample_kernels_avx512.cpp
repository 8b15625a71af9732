#if defined(__x86_64__)
#define PATHLINE_VARIANT sample_kernels_avx512
#define PATHLINE_VARIANT_NAME "avx512"
#include "data/read/kernels/sample_kernels_body.h"
#endif
