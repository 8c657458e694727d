"""What GPU offload is worth and whether the memory plan is right, on the machine at hand, as tables for docs/gpu.md."""
