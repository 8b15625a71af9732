// Carries the precompiled LibTorch header that the rooms reuse; holds no code.
