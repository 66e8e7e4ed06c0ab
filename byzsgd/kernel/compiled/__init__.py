"""Many turns of a supported configuration in one call of compiled code, on arrays."""
