"""One recipe for each published figure: which experiment it needs and which plotting function draws it."""
