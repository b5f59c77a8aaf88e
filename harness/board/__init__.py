"""The leaderboard page: records and fits in, ``board.md``, ``board.html`` and figures out. Never loads a model."""
