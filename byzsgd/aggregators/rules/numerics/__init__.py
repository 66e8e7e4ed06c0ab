"""What rules compute with: inner products, distances, affine points, spectra, order statistics, choices of rows."""
