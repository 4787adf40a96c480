"""Pictures, a dashboard and the older tool's reports from a result file of fod-generate."""
