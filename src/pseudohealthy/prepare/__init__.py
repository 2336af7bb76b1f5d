"""From a scan to the model grid and back: pure functions from Volume to Volume with their inverses."""
