"""What is done to the rows before a rule: (k, d) -> (k', d), pure functions of the rows."""
