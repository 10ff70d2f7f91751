"""Results as DICOM objects: a resampled series, spatial registrations and segmentations."""
