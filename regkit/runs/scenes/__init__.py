"""The job `scene`: two scenes on the earth in, one aligned scene out."""
