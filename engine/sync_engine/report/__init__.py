"""Plans, transfers and problems → text, JSON, Markdown, HTML. Decides nothing."""
