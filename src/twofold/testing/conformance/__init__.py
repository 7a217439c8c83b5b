"""What every adapter must do. An adapter's test subclasses a suite and gives it its stores."""
