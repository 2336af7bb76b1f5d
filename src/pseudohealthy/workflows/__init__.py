"""What joins rooms: the demonstration, prediction and evaluation of a cohort with its pages."""
