"""Programs that show what aiotravis does; each runs by itself."""
