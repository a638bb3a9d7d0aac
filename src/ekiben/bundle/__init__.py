"""Pack a project into a bento: its code, its models, its environment."""
