"""What can be counted or tried out about one implementation of the feature."""
