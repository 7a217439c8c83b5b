"""Read models built anew beside the ones that are read, and switched to and back."""
