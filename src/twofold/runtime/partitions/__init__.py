"""Work shared by partitions: the relay, what comes out of a transport, and projections of it."""
