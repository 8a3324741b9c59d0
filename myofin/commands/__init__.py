"""Click commands that belong to no single part: data, demo, doctor."""
