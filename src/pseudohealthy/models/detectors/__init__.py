"""Methods that score a slice directly, without a reconstruction: one file a method."""
