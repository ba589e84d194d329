"""When venues are asked: second chances within the hour, refreshes of history, and after rolls."""
