"""The door for agents: a few read-only tools over the questions that the service answers.

What belongs here: which tools there are, what may be asked of each, and how MCP carries them. What
does not: questions. A tool asks what a route of the service asks, through the same readers, whose
connections to the lake cannot write, within the same bounds of time.

The package ``mcp`` is an extra, and imported by ``door`` alone.
"""
