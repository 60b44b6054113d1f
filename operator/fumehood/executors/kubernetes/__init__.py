"""Plans as locked-down Pods: documents are pure, `executor` alone speaks to the API."""
