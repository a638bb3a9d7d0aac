"""Tasks: calls that outlive their request, and the server too."""
