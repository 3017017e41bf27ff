"""What is looked at before a deploy, and in part when a process starts; each look returns findings, and raises nothing."""
