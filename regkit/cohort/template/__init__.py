"""The template of a group as a job, whose registrations run on the workers of a cohort."""
