"""What a person sees: commands that look at folders, and what runs and sweeps show on the screen."""
