"""Board descriptions: one folder a board, with a board.toml and its C port."""
